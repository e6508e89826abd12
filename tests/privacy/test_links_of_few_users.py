"""A link between two items must rest on several users: in a fit, a saved model, and after updates."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import tastebridge as tb
from tastebridge.baselines import ItemNeighbours
from tastebridge.exceptions import InvalidParameterError
from tastebridge.persist.statistics import _DESCRIBE, _REVIVE
from tastebridge.routes import FitContext, NeighbourRoute, PopularityRoute, TransferRoute
from tastebridge.routes.paired import CooccurrenceStatistics, Pairs

pytestmark = pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
ROUTES = [PopularityRoute(), NeighbourRoute(), TransferRoute()]


def long_tailed(n_users=400, n_items=300, seed=0):
    """A market place where most pairs of items have one user or none."""
    rng, rows = np.random.default_rng(seed), []
    for name in ("books", "films"):
        share = 1 / np.arange(1, n_items + 1) ** 0.9
        for user in range(n_users):
            items = rng.choice(n_items, rng.integers(3, 8), replace=False, p=share / share.sum())
            rows += [(user, f"{name}:{i}", name) for i in items]
    return pd.DataFrame(rows, columns=["user_id", "item_id", "category"])


def users_of_pairs(frame, source, target):
    """By hand: for every pair of items the number of users of both, among users of both categories."""
    had = {
        name: frame[frame["category"] == name].groupby("item_id")["user_id"].agg(set)
        for name in (source, target)
    }
    both = set(frame[frame["category"] == source]["user_id"]) & set(
        frame[frame["category"] == target]["user_id"]
    )
    return {(i, j): len(a & b & both) for i, a in had[source].items() for j, b in had[target].items()}


def stored_links(mapper, source):
    """The links of a fitted or loaded mapper from one category, as a dict of pairs of ids."""
    model = mapper.model_
    [route] = [route for route in model.routes if route.name == f"{source} → neighbours"]
    L = (
        sparse.csr_matrix(model.encoders[route.encoder].model.encoder_)
        @ sparse.csr_matrix(model.spaces[route.space]).T
    )
    L = L.tocoo()
    ids = mapper.items_[source].ids, mapper.items_["films"].ids
    keep = np.abs(L.data) > 1e-5
    return {(ids[0][i], ids[1][j]): v for i, j, v in zip(L.row[keep], L.col[keep], L.data[keep], strict=True)}


@pytest.fixture(scope="module")
def frame():
    return long_tailed()


@pytest.fixture(scope="module")
def mapper(frame):
    return tb.InterestMapper("films", routes=ROUTES, n_folds=1).fit(frame)


def test_a_fit_and_its_saved_model_hold_no_link_of_fewer_than_three_users(frame, mapper, tmp_path):
    mapper.save(tmp_path / "model")
    for model in (mapper, tb.load(tmp_path / "model")):
        for source in ("books", "films"):
            counts, links = users_of_pairs(frame, source, "films"), stored_links(model, source)
            assert min(counts[pair] for pair in links) >= 3
            allowed = {p for p, count in counts.items() if count >= 3 and p[0] != p[1]}
            assert set(links) == allowed  # fewer than a thousand, so that all are kept
    assert "rests on at least 3 users" in (tmp_path / "model" / "README.md").read_text(encoding="utf-8")


def test_without_a_minimum_most_links_of_a_long_tail_are_of_one_user(frame):
    counts = users_of_pairs(frame, "books", "films")
    context = FitContext({n: tb.Panel.from_frame(frame)[n].matrix for n in ("books", "films")}, "films")
    links = context.pairs("books").links(1000, 2.0, False, 1)
    alone = context.pairs("books").both.multiply(links > 0).tocsr()
    assert (alone.data == 1).mean() > 0.5
    assert sum(count == 1 for count in counts.values()) > sum(count >= 3 for count in counts.values())


COUNTS = st.lists(st.lists(st.integers(0, 5), min_size=3, max_size=3), min_size=2, max_size=4)


@given(COUNTS, st.integers(1, 6), st.integers(1, 8))
@settings(deadline=None)
def test_links_are_those_of_a_full_sort(counts, least, n_links):
    both = sparse.csr_matrix(np.array(counts, dtype=np.int32))
    here, there = np.asarray(both.sum(axis=1)).ravel() + 1, np.asarray(both.sum(axis=0)).ravel() + 1
    found = Pairs(both, here, there).links(n_links, 2.0, False, least).toarray()
    scores = {
        (i, j): counts[i][j] / (np.sqrt(here[i] * there[j]) + 2.0)
        for i in range(len(counts))
        for j in range(3)
        if counts[i][j] >= least
    }
    expected = np.zeros((len(counts), 3))
    for pair in sorted(scores, key=lambda p: (-scores[p], p))[:n_links]:
        expected[pair] = scores[pair]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_links_come_and_go_as_users_do_and_are_those_of_a_fit(frame, mapper):
    """A pair of two users gets a third, who is then forgotten: link there, link gone, bit for bit."""
    counts = users_of_pairs(frame, "books", "films")
    pair = next(p for p, count in sorted(counts.items()) if count == 2)
    third = pd.DataFrame({"user_id": 9999, "item_id": pair, "category": ["books", "films"]})
    before = stored_links(mapper, "books")
    assert pair not in before
    living = tb.InterestMapper("films", routes=ROUTES, n_folds=1).fit(frame)
    living.update(third)
    assert pair in stored_links(living, "books")
    panel = tb.Panel.from_frame(pd.concat([frame, third]))
    context = FitContext({name: panel[name].matrix for name in ("books", "films")}, "films")
    kept = living.targets_["films"].statistics.accounts["neighbours"]
    fresh = {name: context.pairs(name) for name in kept.pairs}
    for name, part in fresh.items():
        for one, two in ((kept.pairs[name].both, part.both), (kept.pairs[name].here, part.here)):
            assert (one != two).sum() == 0
    again = CooccurrenceStatistics("films", 1000, 2.0, kept.routes, fresh, 3)
    for name, E in kept.solved(tuple(kept.pairs))[0].items():
        assert (again.solved(tuple(kept.pairs))[0][name] != E).nnz == 0
    living.forget([9999])
    after = stored_links(living, "books")
    assert after.keys() == before.keys()
    assert all(after[p] == before[p] for p in before)


def test_the_minimum_is_stored_and_files_without_it_keep_their_links(mapper, tmp_path):
    mapper.save(tmp_path / "model", updatable=True)
    loaded = tb.load(tmp_path / "model")
    kept = loaded.targets_["films"].statistics.accounts["neighbours"]
    assert kept.min_users == 3

    class Arrays:
        def __init__(self):
            self.stored = {}

        def add(self, name, value):
            self.stored[name] = value

        def get(self, name, *shape):
            return self.stored[name]

    arrays = Arrays()
    record = _DESCRIBE[CooccurrenceStatistics](kept, arrays)
    sizes = {name: len(mapper.items_[name]) for name in ("books", "films")}
    assert _REVIVE["PairAccount"](record, arrays, sizes, {}).min_users == 3
    del record["min_users"]
    assert _REVIVE["PairAccount"](record, arrays, sizes, {}).min_users == 1


def test_a_model_whose_pairs_are_all_rare_has_no_links_and_works(tmp_path):
    """Everybody has items of their own: no route, no error, and an update that brings no link."""
    rows = [
        (u, f"{name}:{u % 40}:{k}", name) for u in range(60) for name in ("books", "films") for k in range(3)
    ]
    rows += [(u, f"{name}:hit", name) for u in range(60, 90) for name in ("books", "films")]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "category"])
    fitted = tb.InterestMapper("films", routes=[NeighbourRoute(min_users=50), PopularityRoute()], n_folds=1)
    fitted.fit(frame)
    assert [route.name for route in fitted.model_.routes] == ["popularity"]
    fitted.update(
        pd.DataFrame({"user_id": 777, "item_id": ["books:hit", "films:hit"], "category": ["books", "films"]})
    )
    fitted.save(tmp_path / "model", updatable=True)
    tb.load(tmp_path / "model").forget(
        [777],
        before=pd.DataFrame(
            {"user_id": 777, "item_id": ["books:hit", "films:hit"], "category": ["books", "films"]}
        ),
    )


def test_the_card_says_where_a_single_user_may_stand_behind_a_link(frame, tmp_path):
    loose = [PopularityRoute(), NeighbourRoute(min_users=1)]
    tb.InterestMapper("films", routes=loose, n_folds=1).fit(frame).save(tmp_path / "loose")
    ItemNeighbours("films").fit(frame).save(tmp_path / "baseline")
    tb.Popularity("films").fit(frame).save(tmp_path / "popularity")
    cards = {
        p: (tmp_path / p / "README.md").read_text(encoding="utf-8")
        for p in ("loose", "baseline", "popularity")
    }
    assert "A link between two items may rest on a single user" in cards["loose"]
    assert "A similarity of two items may rest on a single user" in cards["baseline"]
    assert "link" not in cards["popularity"].partition("## Intended use")[0]


def test_the_card_stays_true_when_a_model_is_loaded_updated_compressed_and_saved_again(
    frame, mapper, tmp_path
):
    mapper.save(tmp_path / "one")
    loaded = tb.load(tmp_path / "one")
    loaded.save(tmp_path / "two")
    mapper.save(tmp_path / "living", updatable=True)
    living = tb.load(tmp_path / "living").update(frame[:5].assign(user_id=12345))
    living.save(tmp_path / "three")
    mapper.compress(8).save(tmp_path / "four")
    cards = [
        (tmp_path / name / "README.md").read_text(encoding="utf-8")
        for name in ("one", "two", "three", "four")
    ]
    assert cards[0] == cards[1]
    assert all("rests on at least 3 users" in card for card in cards)
    several = tb.InterestMapper(["films", "books"], routes=ROUTES, n_folds=1).fit(frame)
    several.save(tmp_path / "several")
    assert "rests on at least 3 users" in (tmp_path / "several" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("least", [0, -1, 1.5, "3"])
def test_a_minimum_that_cannot_be_used_is_refused(frame, least):
    with pytest.raises(InvalidParameterError, match="min_users"):
        tb.InterestMapper("films", routes=[NeighbourRoute(min_users=least)], n_folds=1).fit(frame)
