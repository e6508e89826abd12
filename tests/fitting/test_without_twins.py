"""Figures of a fit without twins, against counts in plain Python."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import tastebridge as tb
from contracts import twin_shop
from tastebridge.datasets import make_panel
from tastebridge.factors import SVDFactors
from tastebridge.fitting.folds import Fold, Held, folds_of, without
from tastebridge.fitting.out_of_fold import ndcg_of_users
from tastebridge.recommenders import learning
from tastebridge.routes import FitContext, NeighbourRoute, TransferRoute

ROUTES = [TransferRoute(SVDFactors(6), SVDFactors(6)), NeighbourRoute(60)]
pytestmark = pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")


@pytest.fixture(scope="module")
def fitted():
    """Events, a mapper of them, the folds its confidence was learned on, and events of other users."""
    kept, learn = [], learning.learn_confidence

    def keeping(folds, *more):
        kept.extend(folds)
        return learn(folds, *more)

    every = twin_shop.events(900)
    frame = every[every["user_id"] < 600]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning, "learn_confidence", keeping)
        mapper = tb.InterestMapper("films", routes=ROUTES, n_lists=300, n_negatives=20, n_folds=2).fit(frame)
    return frame, mapper, kept, every[every["user_id"] >= 600]


def hidden_rows(frame, mapper, fold):
    """Return the rows a fold has to find, as a frame."""
    rows = fold.held.hidden.tocoo()
    users = mapper.panel_.users.ids[fold.held.people[rows.row]]
    return pd.DataFrame({"user_id": users, "item_id": mapper.items_["films"].ids[rows.col]})


def test_twins_of_a_fold_are_those_of_the_rows_it_sees(fitted):
    frame, mapper, folds, _ = fitted
    for at in range(0, len(folds), 2):
        both = folds[at : at + 2]  # the two kinds of users hidden at once
        hidden = pd.concat([hidden_rows(frame, mapper, fold) for fold in both])
        films = frame[frame["category"] == "films"]
        out = pd.MultiIndex.from_frame(films[["user_id", "item_id"]]).isin(
            pd.MultiIndex.from_frame(hidden[["user_id", "item_id"]])
        )
        seen = frame.drop(films.index[out])
        # users with some rows hidden and some not count for no pair
        partly = set(hidden["user_id"]) & set(seen.loc[seen["category"] == "films", "user_id"])
        counted = seen[~seen["user_id"].isin(partly)]
        for fold in both:
            truth = hidden_rows(frame, mapper, fold)
            again = twin_shop.rows_by_hand(truth, seen, counted)
            assert 0 < again.sum() < len(truth)
            left = hidden_rows(frame, mapper, fold.without_twins())
            pd.testing.assert_frame_equal(left, truth[~again].reset_index(drop=True))


def test_a_twin_that_only_hidden_rows_show_is_none_of_the_fold():
    # books 0 and film 0 have the same three users; one of them is hidden
    frame = pd.DataFrame(
        [(user, name, name[0]) for user in range(12) for name in (f"b{user % 5 + 1}", f"f{user % 4 + 1}")],
        columns=["user_id", "item_id", "category"],
    )
    shared = [(user, name, name[0]) for user in range(3) for name in ("b0", "f0")]
    frame = pd.concat([frame, pd.DataFrame(shared, columns=frame.columns)])
    assert ("b0", "f0") in twin_shop.pairs_by_hand(frame, "b", "f")
    panel = tb.Panel.from_frame(frame)
    histories = {name: panel[name].matrix for name in panel.categories}
    held = [Held("cold", np.array([0]), histories["f"][[0]])]
    whole = FitContext(histories, "f", seed=0)
    context = whole.hiding(without(histories["f"], held))
    context.space("nothing", np.zeros((histories["f"].shape[1], 1)))
    [fold] = folds_of(context, held, {}, ["no route"])
    assert fold.twins is None or not fold.twins[:, [panel["f"].items.numbers(["f0"])[0]]].nnz


def test_ndcg_without_twins_is_that_of_a_loop():
    rng = np.random.default_rng(0)
    n, m = 40, 30
    hidden = sparse.csr_matrix((rng.random((n, m)) < 0.1).astype(np.float32))
    seen = sparse.csr_matrix(((rng.random((n, m)) < 0.1) & (hidden.toarray() == 0)).astype(np.float32))
    twins = sparse.csr_matrix((rng.random((n, m)) < 0.15).astype(np.float32))
    fold = Fold(Held("cold", np.arange(n), hidden), np.zeros((n, 1)), [], [], {}, seen, twins=twins)
    scores, rows = rng.random((n, m)).astype(np.float32), np.arange(n)
    found = ndcg_of_users(scores.copy(), fold, fold.without_twins(), rows)
    for user in range(n):
        for at, closed in enumerate((set(), set(twins[[user]].indices))):
            wanted = set(hidden[[user]].indices) - closed
            out = set(seen[[user]].indices) | closed
            order = [item for item in np.argsort(-scores[user]) if item not in out][:10]
            gain = sum(1 / np.log2(place + 2) for place, item in enumerate(order) if item in wanted)
            best = sum(1 / np.log2(place + 2) for place in range(min(len(wanted), 10)))
            expected = gain / best if wanted else np.nan
            assert found[at, user] == pytest.approx(expected, abs=1e-6, nan_ok=True)


def test_evidence_counts_users_with_something_left(fitted):
    _, mapper, folds, _ = fitted
    for name, found in mapper.evidence_.items():
        apart = found.without_twins
        left = np.concatenate(
            [
                fold.held.people[np.diff(fold.without_twins().held.hidden.indptr) > 0]
                for fold in folds
                if fold.held.segment == name
            ]
        )
        assert set(apart.people) == set(left)
        assert len(apart.people) <= len(found.people)
        assert apart.values["blend"].mean() < found.values["blend"].mean()


def test_tables_say_what_is_left_without_twins(fitted):
    _, mapper, folds, _ = fitted
    row = mapper.transfer_.iloc[0]
    assert row["lift_without_twins"] < row["lift"]
    assert row["lift_low_without_twins"] <= row["lift_without_twins"] <= row["lift_high_without_twins"]
    counts = mapper.findings_["twins"].set_index("segment")
    for name in ("cold", "warm"):
        own = [fold for fold in folds if fold.held.segment == name]
        assert counts.loc[name, "rows"] == sum(fold.held.hidden.nnz for fold in own)
        left = sum(fold.without_twins().held.hidden.nnz for fold in own)
        assert counts.loc[name, "twins"] == counts.loc[name, "rows"] - left > 0
        assert counts.loc[name, "hits_without_twins"] < counts.loc[name, "hits"]
        apart = mapper.findings_["accuracy_without_twins"].query("segment == @name and list == 'tastebridge'")
        evidence = mapper.evidence_[name].without_twins
        assert apart["mean"].item() == pytest.approx(evidence.values["blend"].mean())
        assert apart["people"].item() == len(evidence.people)


def test_confidence_is_of_the_lists_that_are_asked_for(fitted):
    _, mapper, _, _ = fitted
    owners = pd.DataFrame({"user_id": 9000, "item_id": list(twin_shop.BOOKS[:3]), "category": "books"})
    kept, left = (
        mapper.confidence_from(owners, 5, twins=twins)["confidence"][0] for twins in ("keep", "leave out")
    )
    assert left < kept
    assert mapper.confidence_from(owners, 5)["confidence"][0] == left
    with pytest.raises(tb.exceptions.InvalidParameterError, match="twins"):
        mapper.confidence_from(owners, twins="no")


def test_the_share_of_hits_without_twins_is_close_to_what_is_promised(fitted):
    _, mapper, _, fresh = fitted
    books, films = (fresh[fresh["category"] == name] for name in ("books", "films"))
    films = films[~twin_shop.rows_by_hand(films, fresh)]
    lists = mapper.recommend_from(books, 10)
    users = np.intersect1d(films["user_id"], books["user_id"])
    hit = lists.merge(films, on=["user_id", "item_id"])["user_id"].unique()
    seen = np.isin(users, hit).mean()
    told = mapper.confidence_from(books).set_index("user_id").loc[users, "confidence"].mean()
    assert told == pytest.approx(seen, abs=0.12)


def test_explanations_name_the_twin_and_nothing_else(fitted):
    _, mapper, _, _ = fitted
    book = twin_shop.BOOKS[0]
    owner = pd.DataFrame(
        {"user_id": 9000, "item_id": [book, mapper.items_["books"].ids[0]], "category": "books"}
    )
    table = mapper.explain_from(owner, twin_shop.twin_of(book))
    assert table.loc[table["source_item"] == book, "twin"].all()
    assert not table.loc[table["source_item"] != book, "twin"].any()
    assert not mapper.explain_from(owner, mapper.items_["films"].ids[-1])["twin"].any()


def test_audiences_leave_out_owners_of_the_twin_unless_asked(fitted):
    _, mapper, _, _ = fitted
    book = twin_shop.BOOKS[0]
    fresh = pd.DataFrame(
        {"user_id": [1, 2], "item_id": [book, mapper.items_["books"].ids[0]], "category": "books"}
    )
    kept = mapper.audience_from(fresh, twin_shop.twin_of(book), twins="keep")
    left = mapper.audience_from(fresh, twin_shop.twin_of(book))
    assert kept["user_id"].tolist() == [1, 2]
    assert left["user_id"].tolist() == [2]


def test_updates_keep_the_figures_without_twins_of_users_who_stay(fitted):
    frame, *_ = fitted
    mapper = tb.InterestMapper("films", routes=ROUTES, n_lists=300, n_negatives=20, n_folds=1).fit(frame)
    gone = mapper.panel_.users.ids[mapper.evidence_["cold"].without_twins.people[:3]]
    before = len(mapper.evidence_["cold"].without_twins.people)
    mapper.forget(gone)
    assert len(mapper.evidence_["cold"].without_twins.people) == before - 3


def test_maps_learn_from_rows_that_are_no_twins_and_links_from_all(fitted):
    frame, *_ = fitted
    panel = tb.Panel.from_frame(frame)
    histories = {name: panel[name].matrix for name in panel.categories}
    context = FitContext(histories, "films", seed=0)
    films = frame[frame["category"] == "films"]
    again = twin_shop.rows_by_hand(films, frame)
    assert context.taught["films"].nnz == (~again).sum() < len(films)
    assert context.taught["books"] is histories["books"]
    assert context.pairs("books").there.sum() == FitContext(histories, "films").pairs("books").there.sum()
    rest = tb.Panel.from_frame(frame.drop(films.index[again]))
    alike = FitContext({name: rest[name].matrix for name in rest.categories}, "films")
    found, expected = (one.factors(("films",), SVDFactors(6)) for one in (context, alike))
    np.testing.assert_allclose(found.singular_values_, expected.singular_values_, rtol=1e-5)


def test_where_most_rows_are_twins_all_are_learned_from():
    rng = np.random.default_rng(0)
    X = sparse.csr_matrix((rng.random((80, 30)) < 0.15).astype(np.float32))
    context = FitContext({"books": X, "films": X}, "films", seed=0)
    assert context.twins
    assert context.taught is context.histories


def test_what_was_forgotten_leaves_no_trace_with_twins_either(fitted, tmp_path):
    frame, *_, fresh = fitted
    mapper = tb.InterestMapper("films", routes=ROUTES, n_lists=300, n_negatives=20, n_folds=1).fit(frame)
    mapper.save(tmp_path / "model", with_users=True)
    assert mapper.ledger_.apart
    came = fresh[fresh["user_id"] < 640]
    other = tb.load(tmp_path / "model")
    assert other.ledger_.apart
    for one in (mapper, other):
        one.update(came)
        one.forget(came["user_id"].unique())
    for key, part in mapper.ledger_.accounts.items():
        if hasattr(part, "moments"):
            before = tb.load(tmp_path / "model").ledger_.accounts[key].moments
            for name, value in before.to_arrays().items():
                np.testing.assert_array_equal(part.moments.to_arrays()[name], value)
                np.testing.assert_array_equal(other.ledger_.accounts[key].moments.to_arrays()[name], value)


def test_without_twins_both_figures_are_the_same():
    panel, _ = make_panel(200, 40, events_per_user=8)
    mapper = tb.InterestMapper("films", routes=ROUTES, n_lists=100, n_negatives=20, n_folds=1).fit(panel)
    for name in ("lift", "lift_low", "lift_high"):
        assert mapper.transfer_[name].tolist() == mapper.transfer_[f"{name}_without_twins"].tolist()
    assert mapper.evidence_["cold"].without_twins is None
    assert "twins" not in mapper.findings_
    assert set(mapper.confidence_) == {"cold", "warm"}


def test_several_targets_say_it_for_each(fitted):
    frame, *_ = fitted
    both = tb.InterestMapper(["films", "books"], routes=ROUTES, n_lists=300, n_negatives=20, n_folds=1).fit(
        frame
    )
    assert (both.transfer_["lift_without_twins"] < both.transfer_["lift"]).all()
    assert all("accuracy_without_twins" in one.findings_ for one in both.mappers_.values())
