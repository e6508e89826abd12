import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import tastebridge as tb
from contracts.recommender import assert_same_lists, best_by_hand
from tastebridge.datasets import make_panel
from tastebridge.exceptions import InvalidDataError, InvalidParameterError, PrivacyBudgetError
from tastebridge.maps.moments import Moments
from tastebridge.privacy import Budget, PrivateMoments, membership_auc, new_key
from tastebridge.privacy.grid import BITS, sparse_to_grid

INF = float("inf")
QUIET = tb.PrivateMapper("films", epsilon=INF, source_components=6, target_components=8)


@pytest.fixture(scope="module")
def panel():
    """Some people in both categories, most in one only."""
    made, _ = make_panel(n_users=600, n_items=40, categories=("books", "films"), events_per_user=8)
    frame = made.to_frame()
    drop = {0: "books", 1: "films"}
    frame = frame[frame["category"] != (frame["user_id"] % 3).map(drop)]
    frame["user_id"] = "person-" + frame["user_id"].astype(str).str.zfill(4)
    return tb.Panel.from_frame(frame)


@pytest.fixture(scope="module")
def quiet(panel):
    return clone(QUIET).fit(panel)


def test_it_keeps_the_contract_of_a_recommender(panel, quiet):
    people = panel.users.ids[::40]
    assert_same_lists(quiet.recommend(people, n=5), best_by_hand(quiet, panel, people, 5))
    users, items = quiet.user_vectors(people), quiet.item_vectors()
    pairs = pd.DataFrame({"user_id": people, "item_id": items.ids[3]})
    np.testing.assert_allclose(users.vectors @ items.vectors[3], quiet.predict(pairs), rtol=1e-5)
    history = panel[:9]
    assert_same_lists(quiet.recommend_from(history, 3), quiet.recommend(panel.users.ids[:9], 3))


def test_features_of_items_change_nothing(panel, quiet):
    ids = np.append(panel["films"].items.ids, "untouched")
    described = panel.with_item_features("films", np.eye(len(ids)), item_ids=ids)
    fitted = clone(QUIET).fit(described)
    pd.testing.assert_frame_equal(fitted.recommend(n=3), quiet.recommend(n=3))


def test_explanations_sum_to_the_score(panel, quiet):
    person = panel.users.ids[panel.linked("books", "films")[0]]
    item = quiet.recommend([person], n=1)["item_id"][0]
    score = quiet.predict(pd.DataFrame({"user_id": [person], "item_id": [item]}))[0]
    assert quiet.explain(person, item)["contribution"].sum() == pytest.approx(score, rel=1e-4)


def _public_parts(mapper):
    """All of a model but the two things that are released with noise."""
    model = mapper.model_
    encoders = {key: encoder.model.__dict__.get("encoder_") for key, encoder in model.encoders.items()}
    return {
        "encoders": {key: value for key, value in encoders.items() if value is not None},
        "space": model.spaces["target"],
        "idf": {name: part.idf for name, part in mapper.statistics_.items()},
        "lengths": {name: part.length for name, part in mapper.statistics_.items()},
        "items": {name: part.ids for name, part in mapper.items_.items()},
    }


def test_what_is_public_does_not_change_with_a_protected_person(panel, quiet):
    """A person with items nobody else has: whatever is not noisy is the same bit by bit without them."""
    person = panel.users.ids[panel.linked("books", "films")[0]]
    frame = panel.to_frame()
    secret = pd.DataFrame(
        {
            "user_id": [person] * 2,
            "item_id": ["secret book", "secret film"],
            "category": ["books", "films"],
            "weight": 1.0,
        }
    )
    with_secret = (
        clone(QUIET)
        .set_params(weighting=tb.Weighting("bm25"))
        .fit(tb.Panel.from_frame(pd.concat([frame, secret])))
    )
    without = (
        clone(QUIET)
        .set_params(weighting=tb.Weighting("bm25"))
        .fit(tb.Panel.from_frame(frame[frame["user_id"] != person]))
    )
    np.testing.assert_equal(_public_parts(with_secret), _public_parts(without))
    assert not np.array_equal(with_secret.model_.spaces["popularity"], without.model_.spaces["popularity"])


def test_one_person_moves_what_is_released_by_at_most_the_sensitivity(panel):
    """Without noise: popularity moves by a row of length 1, cross moments by the product of the clips."""
    person = panel.linked("books", "films")[0]
    whole = clone(QUIET).fit(panel)
    less = clone(QUIET).fit(panel[np.delete(np.arange(len(panel)), person)])
    n = whole.privacy_["n_people"]
    moved = whole.model_.spaces["popularity"][:, 0] * n - less.model_.spaces["popularity"][:, 0] * (n - 1)
    assert 0.5 < np.linalg.norm(moved) <= 1.0 + 1e-4


def test_rows_on_the_grid_are_never_longer_than_one(panel):
    rows = sparse_to_grid(panel["films"].matrix)
    lengths = np.asarray(rows.multiply(rows).sum(axis=1)).ravel()
    assert lengths.max() <= 2 ** (2 * BITS)
    assert lengths[lengths > 0].min() > 0.999 * 2 ** (2 * BITS)


def test_more_people_can_be_named_as_protected(panel):
    outsider = panel.users.ids[np.setdiff1d(panel["films"].active_numbers, panel.linked("books", "films"))[0]]
    named = clone(QUIET).set_params(protected=[outsider]).fit(panel)
    gone = clone(QUIET).fit(panel[panel.users.ids != outsider])
    np.testing.assert_equal(_public_parts(named), _public_parts(gone))
    np.testing.assert_array_equal(named.model_.spaces["popularity"], gone.model_.spaces["popularity"])


def test_a_saved_model_is_the_same_and_names_nobody(panel, tmp_path):
    mapper = clone(QUIET).set_params(epsilon=50.0, protected=panel.users.ids[:3].tolist()).fit(panel)
    mapper.save(tmp_path / "model")
    whole = b"".join(path.read_bytes() for path in (tmp_path / "model").iterdir())
    assert b"person-" not in whole
    loaded = tb.load(tmp_path / "model")
    assert isinstance(loaded, tb.PrivateMapper)
    assert_same_lists(loaded.recommend_from(panel[:20]), mapper.recommend_from(panel[:20]))
    with pytest.raises(InvalidDataError, match="with a key"):
        mapper.save(tmp_path / "other", with_users=True)
    key = new_key()
    mapper.save(tmp_path / "other", with_users=True, key=key)
    assert_same_lists(tb.load(tmp_path / "other", key=key).recommend(n=3), mapper.recommend(n=3))


def test_a_budget_is_spent_by_fits_and_survives_the_saved_model(panel, tmp_path):
    mapper = clone(QUIET).set_params(epsilon=2.0, budget=Budget(2.5, 1e-6)).fit(panel)
    assert mapper.budget.spent_epsilon == pytest.approx(2.0, rel=1e-3)
    mapper.save(tmp_path / "model")
    loaded = tb.load(tmp_path / "model")
    assert loaded.budget.spent == mapper.budget.spent
    for again in (mapper, clone(mapper), loaded):
        with pytest.raises(PrivacyBudgetError):
            again.fit(panel)


def test_noise_differs_between_fits_and_fades_with_epsilon(panel, quiet):
    def distance(one, two):
        return np.linalg.norm(one.model_.spaces["popularity"] - two.model_.spaces["popularity"])

    one, two, faint = (clone(QUIET).set_params(epsilon=epsilon).fit(panel) for epsilon in (1.0, 1.0, 1000.0))
    assert distance(one, two) > 0
    assert distance(faint, quiet) < 0.2 * distance(one, quiet)


def test_taste_comes_across_and_beats_what_is_popular(panel):
    truth, _ = make_panel(n_users=4000, n_items=60, categories=("books", "films"), events_per_user=12)
    frame = truth.to_frame()
    kind = frame["user_id"] % 5
    frame = frame[
        ~((kind == 0) & (frame["category"] == "books")) & ~((kind == 1) & (frame["category"] == "films"))
    ]
    cold = frame["user_id"] % 5 == 2
    train = frame[~(cold & (frame["category"] == "films"))]
    held = frame[cold & (frame["category"] == "films")]
    base = tb.Popularity("films").fit(train).score(held)
    scores = {
        epsilon: tb.PrivateMapper("films", epsilon=epsilon, source_components=8, target_components=8)
        .fit(train)
        .score(held)
        for epsilon in (3.0, INF)
    }
    assert scores[INF] > base + 0.02
    assert scores[3.0] > base + 0.8 * (scores[INF] - base)


def test_noise_blinds_a_membership_attack_that_works_without_it():
    """More cross moments than people: without noise each person shows in the sum."""
    rng = np.random.default_rng(0)
    F = rng.normal(size=(2, 1500, 40))
    X, Y = F / np.linalg.norm(F, axis=2, keepdims=True)
    sets = (X[:500], Y[:500]), (X[500:1000], Y[500:1000])
    reference = Moments.from_arrays(X[1000:], Y[1000:])
    aucs = {
        epsilon: membership_auc(PrivateMoments(epsilon, 1e-6).release(X[:500], Y[:500]), *sets, reference)
        for epsilon in (0.5, INF)
    }
    assert aucs[INF] > 0.75
    assert abs(aucs[0.5] - 0.5) < 0.12


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"epsilon": 0.0}, "epsilon"),
        ({"delta": 1.0}, "delta"),
        ({"popularity_share": 0.0}, "popularity_share"),
        ({"source_components": 0}, "source_components"),
    ],
)
def test_parameters_that_cannot_be_used_are_refused(panel, params, error):
    with pytest.raises(InvalidParameterError, match=error):
        clone(QUIET).set_params(**params).fit(panel)


def test_without_outsiders_there_is_nothing_to_learn_from(panel):
    with pytest.raises(InvalidDataError, match="no user is left to learn factors from"):
        clone(QUIET).fit(panel[panel.linked("books", "films")])


def _timed(panel, unit=1):
    frame = panel.to_frame()
    frame["category"] = frame["category"].astype(str)
    frame["timestamp"] = np.random.default_rng(0).integers(1_600_000_000, 1_650_000_000, len(frame)) * unit
    return frame


def _person(frame, time, **more):
    """One protected user, with an item of each category and one time for both."""
    items = [frame.loc[frame["category"] == name, "item_id"].iloc[0] for name in ("books", "films")]
    rows = {"user_id": "person-9999", "item_id": items, "category": ["books", "films"], "timestamp": time}
    return pd.DataFrame({**rows, "weight": 1.0, **more})


def _with_half_life(epsilon=INF):
    return clone(QUIET).set_params(weighting=tb.Weighting("binary", half_life=100.0), epsilon=epsilon)


@pytest.mark.filterwarnings("ignore:of .* rows these were bad")
@pytest.mark.parametrize("unit", [1, 1000])
@pytest.mark.parametrize("time", [1_650_000_000, 1_650_000_000_000, 1.65e18, 1e30, -1e15])
@pytest.mark.parametrize("bad_weight", [False, True])
def test_times_of_a_protected_user_change_nothing_public(panel, unit, time, bad_weight):
    """Not the unit either: bit by bit, and whether or not the cleaning leaves the user's rows out."""
    frame = _timed(panel, unit)
    person = _person(frame, time, weight=np.nan if bad_weight else 1.0)
    with_them, without = (
        _with_half_life().fit(data) for data in (pd.concat([frame, person], ignore_index=True), frame)
    )
    for name in ("books", "films"):
        assert with_them.statistics_[name].now == without.statistics_[name].now
    latest = frame[~frame["user_id"].isin(panel.users.ids[panel.linked("books", "films")])]["timestamp"].max()
    assert without.statistics_["films"].now == latest / unit
    np.testing.assert_equal(_public_parts(with_them), _public_parts(without))
    n = with_them.privacy_["n_people"]
    moved = with_them.model_.spaces["popularity"][:, 0] * n
    moved = moved - without.model_.spaces["popularity"][:, 0] * without.privacy_["n_people"]
    assert np.linalg.norm(moved) <= 1.0 + 1e-4


@pytest.mark.parametrize("kind", ["polars", "lazy", "pyarrow", "dates"])
def test_frames_of_all_kinds_are_read_in_public_units(panel, kind):
    pl, pa = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    frame = _timed(panel)
    mixed = pd.concat([frame, _person(frame, 1_650_000_000_000)], ignore_index=True)
    as_kind = {
        "polars": pl.from_pandas,
        "lazy": lambda data: pl.from_pandas(data).lazy(),
        "pyarrow": lambda data: pa.Table.from_pandas(data, preserve_index=False),
        "dates": lambda data: data.assign(timestamp=pd.to_datetime(data["timestamp"], unit="s")),
    }
    data = as_kind[kind](frame if kind == "dates" else mixed)
    assert (
        _with_half_life().fit(data).statistics_["films"].now
        == _with_half_life().fit(frame).statistics_["films"].now
    )


def test_a_panel_cleaned_with_minimum_counts_is_refused(panel):
    """By hand: an item of four outsiders stays only if a protected user is the fifth."""
    frame = panel.to_frame()
    outsiders = panel.users.ids[np.setdiff1d(panel["films"].active_numbers, panel.linked("books", "films"))]
    linked = panel.users.ids[panel.linked("books", "films")[:1]]
    rare = pd.DataFrame(
        {"user_id": [*outsiders[:4], *linked], "item_id": "rare", "category": "films", "weight": 1.0}
    )
    policy = tb.CleaningPolicy(min_item_events=5)
    kept = [
        "rare" in tb.Panel.from_frame(pd.concat([frame, rows]), policy=policy)["films"].items
        for rows in (rare, rare[:4])
    ]
    assert kept == [True, False]
    for policy in (tb.CleaningPolicy(min_user_events=2), tb.CleaningPolicy(min_item_events=2)):
        trimmed = tb.Panel.from_frame(frame, policy=policy)
        with pytest.raises(InvalidDataError, match="minimum counts"):
            clone(QUIET).set_params(epsilon=3.0).fit(trimmed)
        clone(QUIET).fit(trimmed)  # without noise there is no guarantee to keep


def test_a_protected_user_decides_on_no_unit_of_times_in_a_panel_either(panel):
    frame = _timed(panel)
    mixed = pd.concat([frame, _person(frame, 1_650_000_000_000)], ignore_index=True)
    fitted = [_with_half_life(3.0).fit(tb.Panel.from_frame(data)) for data in (frame, mixed)]
    assert fitted[0].statistics_["films"].now == fitted[1].statistics_["films"].now


def test_a_fit_without_noise_spends_a_whole_budget(panel):
    budget = Budget(50.0, 1e-6)
    with pytest.raises(PrivacyBudgetError, match="epsilon=inf"):
        clone(QUIET).set_params(budget=budget).fit(panel)
    free = Budget(INF, 1e-6)
    clone(QUIET).set_params(budget=free).fit(panel)
    assert free.spent == (0.0,)


def test_the_budget_of_a_loaded_model_cannot_be_spent_a_second_time(panel, tmp_path):
    """Room for one more fit: not for one more in every copy of the model."""
    budget = Budget(50.0, 1e-6)
    clone(QUIET).set_params(epsilon=2.0, budget=budget).fit(panel).save(tmp_path / "model")
    loaded = tb.load(tmp_path / "model")
    assert loaded.budget.spent == budget.spent
    with pytest.raises(PrivacyBudgetError, match="came with a saved model"):
        loaded.fit(panel)
    loaded.set_params(budget=budget).fit(panel)
    assert len(budget.spent) == 2
