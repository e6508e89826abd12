"""Fresh events and forgetting: held to sums over everybody anew, and to the bytes of the saved file."""

from copy import copy, deepcopy
from dataclasses import replace
from functools import reduce

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file, save_file
from scipy import sparse
from sklearn.base import clone

import tastebridge as tb
from contracts.states import with_part
from contracts.statistics import assert_as_if_summed_anew, summed_anew
from tastebridge.datasets import make_panel
from tastebridge.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ModelFileError,
    TastebridgeError,
    TastebridgeWarning,
    UnknownIdError,
)
from tastebridge.factors import ALSFactors, EASEFactors, SVDFactors
from tastebridge.maps import CCAMap, RidgeMap
from tastebridge.persist import fingerprint
from tastebridge.persist.arrays import Arrays
from tastebridge.persist.manifest import MANIFEST, describe_file, parse, render
from tastebridge.persist.statistics import _describe_pairs, _revive_pairs
from tastebridge.routes import (
    ContentRoute,
    Encoder,
    JointRoute,
    LikenessRoute,
    NeighbourRoute,
    PopularityRoute,
    TargetRoute,
    TransferRoute,
)
from tastebridge.routes.derived import DerivedStatistics
from tastebridge.routes.exact import ExactMoments, Grid
from tastebridge.routes.links import LinearEncoder
from tastebridge.routes.mapped import MapStatistics
from tastebridge.routes.paired import CooccurrenceStatistics, Pairs

ROUTES = [
    PopularityRoute(),
    NeighbourRoute(60),
    TransferRoute(SVDFactors(8), SVDFactors(8, filter="power"), RidgeMap(0.5)),
    TransferRoute(ALSFactors(5), ALSFactors(5), CCAMap(3)),
    TargetRoute(SVDFactors(6)),
    JointRoute(EASEFactors(8)),
]
UNSEEN = ("films:07", "films:31", "books:13")


def events():
    """A row a pair, people by name; weights and times of their own."""
    panel, _ = make_panel(240, 50, ("books", "films", "games"), events_per_user=8, timestamps=True)
    frame = panel.to_frame()
    frame["user_id"] = "person-" + frame["user_id"].astype(str).str.zfill(5)
    frame["weight"] = 1.0 + np.arange(len(frame)) % 3
    return frame


@pytest.fixture(scope="module")
def parts():
    """Early and late events: of some people more, of some all, and all of three items."""
    frame = events()
    rng = np.random.default_rng(0)
    people = rng.permutation(frame["user_id"].unique())
    late = frame["user_id"].isin(people[:30]) & (rng.random(len(frame)) < 0.5)
    late |= frame["user_id"].isin(people[30:40]) | frame["item_id"].isin(UNSEEN)
    return frame[~late], frame[late]


@pytest.fixture(scope="module")
def fitted(parts):
    mapper = tb.InterestMapper(
        "films", routes=ROUTES, weighting=tb.Weighting("log"), n_lists=200, n_negatives=20
    )
    return mapper.fit(tb.Panel.from_frame(parts[0]))


@pytest.fixture
def mapper(fitted):
    return deepcopy(fitted)


def test_after_an_update_the_panel_is_that_of_all_events(mapper, parts):
    whole = tb.Panel.from_frame(pd.concat(parts))
    mapper.update(parts[1])
    for name, part in whole.interactions.items():
        mine = mapper.panel_[name]
        assert mine.users == part.users
        assert mine.items == part.items == mapper.items_[name]
        assert (mine.matrix != part.matrix).nnz == 0
        np.testing.assert_array_equal(mine.times, part.times)


def test_after_updates_and_forgets_all_sums_are_those_over_everybody_anew(mapper, parts):
    late = parts[1]
    half = np.arange(len(late)) % 2 == 0
    mapper.update(late[half]).update(late[~half])
    assert_as_if_summed_anew(mapper)
    mapper.forget(mapper.panel_.users.ids[::7])
    assert_as_if_summed_anew(mapper)


@pytest.mark.parametrize(("most", "width"), [(1, 1), (127, 1), (128, 2), (40_000, 4)])
def test_counts_of_pairs_are_stored_narrow_and_read_as_they_were(most, width):
    both = sparse.csr_matrix(np.array([[0, most, 1], [2, 0, 0]], dtype=np.int32) % (most + 1))
    pairs = Pairs(both, np.array([most, 2]), np.array([2, most, 1]))
    account, arrays = (
        CooccurrenceStatistics("films", 5, 1.0, {"books": "books → neighbours"}, {"books": pairs}),
        Arrays(),
    )
    record = _describe_pairs(account, arrays)
    assert arrays.stored["0/both:csr.data"].itemsize == width
    read = _revive_pairs(record, arrays, {"books": 2, "films": 3}, {}).pairs["books"]
    assert (read.both != both).nnz == 0
    assert read.both.dtype == np.int32
    np.testing.assert_array_equal(read.here, pairs.here)


def test_what_is_kept_for_the_search_of_one_follows_every_change(mapper, parts):
    people = [rows for _, rows in parts[0].groupby("user_id")][:12]

    def assert_as_without_anything_kept():
        bare = copy(mapper)
        with_part(bare, replace(mapper.model_))
        assert bare.model_._catalogue is None
        lists = []
        for rows in people:
            lists.append(mapper.recommend_from(rows, n=6))
            pd.testing.assert_frame_equal(lists[-1], bare.recommend_from(rows, n=6), check_exact=True)
        return pd.concat(lists)

    first = assert_as_without_anything_kept()
    mapper.update(parts[1])
    after_update = assert_as_without_anything_kept()
    mapper.forget(mapper.panel_.users.ids[:80])
    after_forget = assert_as_without_anything_kept()
    mapper.fit(tb.Panel.from_frame(parts[0]))
    refitted = assert_as_without_anything_kept()
    assert not first.equals(after_update)
    assert not after_update.equals(after_forget)
    pd.testing.assert_frame_equal(refitted, first, check_exact=True)


def test_repeated_events_merge_as_in_a_table(mapper, parts):
    again = parts[0].groupby("user_id").head(2).head(20).assign(weight=5.0, timestamp=9e9)
    for repeats in ("sum", "max", "last"):
        one = deepcopy(mapper).update(again, repeats=repeats)
        policy = tb.CleaningPolicy(duplicates=repeats)
        whole = tb.Panel.from_frame(pd.concat([parts[0], again]), policy=policy)
        pd.testing.assert_frame_equal(one.panel_.to_frame(), whole.to_frame())


def test_an_updated_mapper_does_all_it_did(mapper, parts, tmp_path):
    mapper.update(parts[1])
    ids, new = mapper.panel_.users.ids[:9], "films:31"
    pairs = pd.DataFrame({"user_id": ids, "item_id": new})
    scores = mapper.predict(pairs)
    for user, score in zip(ids, scores, strict=True):
        assert mapper.explain(user, new)["contribution"].sum() == pytest.approx(score, rel=1e-4, abs=1e-4)
    assert mapper.item_vectors().vectors[mapper.items_["films"].numbers([new])].any()
    vectors = mapper.user_vectors(ids).vectors @ mapper.item_vectors().vectors.T
    at = mapper.items_["films"].numbers([new])
    np.testing.assert_allclose(vectors[:, at].ravel(), scores, rtol=1e-4, atol=1e-5)
    assert set(mapper.audience([new], 5)["item_id"]) == {new}
    assert mapper.interests(ids)["interest"].between(0, 1).all()
    assert mapper.confidence(ids)["confidence"].between(0, 1).all()
    mapper.report(tmp_path / "report.html")
    for found in mapper.evidence_.values():
        assert found.people.max() < len(mapper.panel_)
    mapper.save(tmp_path / "model", with_users=True)
    pd.testing.assert_frame_equal(tb.load(tmp_path / "model").recommend(ids), mapper.recommend(ids))


def test_explain_map_names_the_same_items_after_new_ones_came(mapper, parts):
    before = mapper.explain_map()
    mapper.update(parts[1])
    pd.testing.assert_frame_equal(mapper.explain_map(), before)


def test_new_items_are_near_to_items_the_same_people_took(mapper):
    likes = mapper.panel_["films"]
    best = int(np.argmax(np.bincount(likes.matrix.indices)))
    takers = likes.users.ids[likes.matrix[:, [best]].nonzero()[0]]
    rows = pd.DataFrame({"user_id": takers, "item_id": "twin", "category": "films", "timestamp": 1.7e9})
    mapper.update(rows)
    items = mapper.items_["films"]
    twin, known = items.numbers(["twin", likes.items.ids[best]])
    for key in mapper.ledger_.decoders:
        V = np.asarray(mapper.model_.spaces[key], dtype=np.float64)
        cosines = V @ V[twin] / np.maximum(np.linalg.norm(V, axis=1) * np.linalg.norm(V[twin]), 1e-12)
        cosines[twin] = -1.0
        assert int(np.argmax(cosines)) == known, key


def test_without_people_an_update_with_what_they_had_gives_the_same_model(mapper, parts, tmp_path):
    mapper.save(tmp_path / "model", updatable=True)
    loaded = tb.load(tmp_path / "model")
    assert fingerprint(loaded.update(parts[1], before=parts[0])) == fingerprint(mapper.update(parts[1]))
    gone = mapper.panel_.users.ids[[3, 50]]
    loaded.forget(gone, before=pd.concat(parts))
    mapper.forget(gone)
    assert fingerprint(loaded) == fingerprint(mapper)


def test_new_items_of_later_updates_stand_beside_those_of_earlier(mapper, parts, tmp_path):
    late = parts[1].sort_values("timestamp")
    for place in np.array_split(np.arange(len(late)), 3):
        mapper.update(late.iloc[place])
    for encoder in (*mapper.ledger_.encoders.values(), *mapper.model_.encoders.values()):
        if hasattr(encoder.model, "newcomers_"):
            ids = np.concatenate([mapper.items_[name].ids for name in encoder.categories])
            new = {item for item in UNSEEN if item.split(":")[0] in encoder.categories}
            assert set(ids[encoder.model.newcomers_]) == new
    mapper.save(tmp_path / "model", with_users=True)
    again = parts[1].assign(item_id="films:zz", category="films")
    assert fingerprint(tb.load(tmp_path / "model").update(again)) == fingerprint(mapper.update(again))


def test_a_forgotten_person_is_in_no_file(mapper, tmp_path):
    gone, stays = mapper.panel_.users.ids[[17, 18]]
    vectors = {user: mapper.user_vectors([user]).vectors for user in (gone, stays)}
    assert mapper.forget([gone]).events.keys() == mapper.items_.keys()
    mapper.save(tmp_path / "model", with_users=True)
    mapper.report(tmp_path / "model" / "report.html", people=len(mapper.panel_.users))
    whole = b"".join(path.read_bytes() for path in (tmp_path / "model").iterdir())
    assert stays.encode() in whole
    assert gone.encode() not in whole
    for kind in (np.float32, np.float64):
        vector = vectors[gone].astype(kind).ravel()
        assert vector[np.flatnonzero(vector)[:2]].tobytes() not in whole
    with pytest.raises(UnknownIdError, match=gone):
        mapper.recommend([gone])
    everything = repr([value for value in vars(mapper).values() if isinstance(value, pd.DataFrame)])
    assert gone not in everything


def test_forgetting_takes_the_rows_of_the_person_and_no_other(mapper):
    before = mapper.panel_
    gone = before.users.ids[[0, 5, 99]]
    receipt = mapper.forget(gone)
    rest = before[np.setdiff1d(np.arange(len(before)), before.users.numbers(gone))]
    pd.testing.assert_frame_equal(mapper.panel_.to_frame(), rest.to_frame())
    assert receipt.user_ids == tuple(gone)
    assert sum(receipt.events.values()) == len(before.to_frame()) - len(rest.to_frame())
    assert "person-" not in str(receipt)


def test_refit_items_is_a_fit_without_them(mapper, parts):
    gone = mapper.panel_.users.ids[:20]
    receipt = mapper.forget(gone, refit_items=True)
    again = clone(mapper).fit(mapper.panel_)
    assert fingerprint(mapper) == fingerprint(again)
    assert receipt.refitted
    assert not receipt.owed
    assert len(mapper.panel_) == len(tb.Panel.from_frame(parts[0])) - 20


def test_a_thousand_updates_and_forgets_leave_no_trace():
    rng = np.random.default_rng(1)
    encoders = {name: Encoder((name,), LinearEncoder(rng.standard_normal((30, 6)))) for name in ("a", "b")}
    rows = {
        name: sparse.random_array((400, 30), density=0.2, format="csr", random_state=rng) for name in encoders
    }
    rows = {name: sparse.csr_matrix(part) for name, part in rows.items()}
    F, G = (encoders[name].model.transform(part) for name, part in rows.items())
    nobody = ExactMoments.of(F[:0], G[:0], Grid.of(F, G, 400))
    account = MapStatistics("a → b", "a", "b", "a", "b", RidgeMap(), nobody).plus(rows, encoders, 1)
    there = np.ones(400, dtype=bool)
    for _ in range(1000):
        people = np.unique(rng.integers(400, size=3))
        for sign, chosen in ((-1, people[there[people]]), (1, people[~there[people]])):
            some = {name: part[chosen] for name, part in rows.items()}
            account = account.plus(some, encoders, sign)
        there[people] = ~there[people]
    some = {name: part[there] for name, part in rows.items()}
    anew = replace(account, moments=nobody).plus(some, encoders, 1)
    assert 50 < there.sum() < 350
    for name, total in anew.moments.to_arrays().items():
        np.testing.assert_array_equal(account.moments.to_arrays()[name], total)
    for mine, theirs in zip(account.solved(), anew.solved(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_after_forgetting_the_saved_file_is_that_of_a_fit_without_them(mapper, tmp_path):
    """A fit with the item factors, weights and statistics there are: only what is summed is made anew."""
    mapper.forget(mapper.panel_.users.ids[[3, 17, 99]])
    anew = deepcopy(mapper)
    ledger, model = summed_anew(mapper)
    statistics = replace(ledger, encoders=mapper.ledger_.encoders)
    with_part(anew, replace(model, encoders=mapper.model_.encoders), statistics=statistics)
    for name, one in {"forgot": mapper, "anew": anew}.items():
        one.save(tmp_path / name, updatable=True)
    forgot, fresh = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("forgot", "anew")
    )
    assert forgot.keys() == fresh.keys()
    for name, content in forgot.items():
        assert content == fresh[name], name


def test_what_cannot_be_is_refused_and_changes_nothing(mapper, parts, tmp_path):
    mapper.save(tmp_path / "model", updatable=True)
    loaded = tb.load(tmp_path / "model")
    known = fingerprint(mapper)
    with pytest.raises(InvalidParameterError, match="before=None"):
        mapper.update(parts[1], before=parts[0])
    with pytest.raises(InvalidDataError, match="no times"):
        mapper.update(parts[1].drop(columns="timestamp"))
    with pytest.raises(InvalidDataError, match="kind int"):
        mapper.update(parts[1].assign(user_id=7))
    with pytest.raises(UnknownIdError, match="music"):
        mapper.update(parts[1].assign(category="music"), missing="error")
    with pytest.raises(InvalidDataError, match="does not know"):
        loaded.update(parts[1], before=parts[1])
    everybody = pd.concat([parts[0], parts[0].assign(user_id="x-" + parts[0]["user_id"])])
    with pytest.raises(InvalidDataError, match="events to subtract are not all among"):
        loaded.forget(everybody["user_id"].unique(), before=everybody)
    with pytest.raises(InvalidDataError, match="before=…"):
        loaded.forget(["person-00001"])
    with pytest.raises(InvalidDataError, match="no user would be left"):
        mapper.forget(mapper.panel_.users.ids)
    with pytest.raises(UnknownIdError, match="nobody"):
        mapper.forget(["nobody"])
    assert fingerprint(mapper) == fingerprint(loaded) == known
    mapper.save(tmp_path / "plain")
    with pytest.raises(InvalidDataError, match="updatable=True"):
        tb.load(tmp_path / "plain").update(parts[1])


def test_events_of_nothing_new_change_nothing(mapper, parts):
    known = fingerprint(mapper)
    assert mapper.forget(["nobody"], missing="skip").user_ids == ()
    assert fingerprint(mapper) == known


@pytest.mark.parametrize(
    "model", [tb.Popularity("films"), tb.TargetOnly("films"), tb.RatingMapper("films", n_components=2)]
)
def test_other_models_say_that_they_need_a_fit(model, parts):
    with pytest.raises(InvalidParameterError, match="Fit it again"):
        model.update(parts[1])
    with pytest.raises(InvalidParameterError, match="Fit it again"):
        model.forget(["person-00001"])
    with pytest.raises(InvalidDataError, match="no sufficient statistics"):
        model.fit(parts[0]).save("never written", updatable=True)


def test_a_private_mapper_does_not_spend_its_budget_twice(parts):
    with pytest.raises(InvalidParameterError, match="spend privacy"):
        tb.PrivateMapper("films").update(parts[1])


def _damaged(folder, name, change):
    """Change an array of the ledger and sign the folder again."""
    content = parse((folder / MANIFEST).read_bytes(), folder)
    path = folder / content["files"]["ledger"]["file"]
    stored = load_file(path)
    stored[name] = change(stored[name])
    save_file(stored, path)
    content["files"]["ledger"] = describe_file(path)
    (folder / MANIFEST).write_text(render(content))


@pytest.mark.parametrize(
    "change",
    [
        lambda a: np.full(a.shape, np.nan),
        lambda a: np.ascontiguousarray(a[..., :-1]),
        lambda a: -1.5 - np.abs(a.astype(np.float64)),
    ],
    ids=["not a number", "too short", "below zero"],
)
def test_a_damaged_ledger_is_one_clear_error(fitted, tmp_path, change):
    folder = tmp_path / "model"
    fitted.save(folder, updatable=True)
    content = parse((folder / MANIFEST).read_bytes(), folder)
    names = sorted(load_file(folder / content["files"]["ledger"]["file"]))
    sums = [name for name in names if name.endswith(("counts", "here", "both:csr.data", "/n"))]
    shaped = [name for name in names if name.endswith(("/xx", "/xy", "/yy", "/sum_x", "encoder_"))]
    signed = change(np.ones(1)).size and change(np.ones(1))[0] < 0
    for name in sums[:6] if signed else [*sums[:4], *shaped[:4]]:
        fitted.save(folder, updatable=True)
        _damaged(folder, name, change)
        with pytest.raises(ModelFileError):
            tb.load(folder)


JUNK = (None, True, -1, 10**30, 0.5, 1e308, "", "films", [], [1], {}, {"class": "MapAccount"})


def _leaves(record, path=()):
    """Return the places of everything within a record of JSON, lists and mappings too."""
    pairs = record.items() if isinstance(record, dict) else ()
    pairs = enumerate(record) if isinstance(record, list) else pairs
    return [leaf for key, part in pairs for leaf in ((*path, key), *_leaves(part, (*path, key)))]


def _refused(folder, frame):
    """Load a model and let it forget somebody; nothing but an error of ours may come of it."""
    try:
        tb.load(folder).forget(frame["user_id"].unique()[:1], before=frame)
    except TastebridgeError as error:
        assert len(str(error)) < 2000  # noqa: PT017 - either is right, a crash is not
        return True
    return False


def test_a_fuzzed_record_of_a_ledger_is_an_error_of_ours_or_none(fitted, parts, tmp_path):
    folder, rng = tmp_path / "model", np.random.default_rng(0)
    fitted.save(folder, updatable=True)
    whole, refused = (folder / MANIFEST).read_bytes(), 0
    places = _leaves(parse(whole, folder)["ledger"])
    for place in rng.choice(len(places), 40, replace=False):
        content = parse(whole, folder)
        *path, last = places[place]
        reduce(lambda record, key: record[key], path, content["ledger"])[last] = JUNK[rng.integers(len(JUNK))]
        (folder / MANIFEST).write_text(render(content))
        refused += _refused(folder, parts[0])
    assert refused > 15


def test_a_ledger_cut_or_flipped_is_an_error_of_ours_or_none(fitted, parts, tmp_path):
    """Unsigned the checksum tells; signed again, so that the reader meets it, nothing worse may happen."""
    folder, rng = tmp_path / "model", np.random.default_rng(0)
    fitted.save(folder, updatable=True)
    content = parse((folder / MANIFEST).read_bytes(), folder)
    path = folder / content["files"]["ledger"]["file"]
    whole = path.read_bytes()
    for trial in range(30):
        spoiled = bytearray(whole[: rng.integers(1, len(whole))] if trial % 4 == 0 else whole)
        place = rng.integers(min(len(spoiled), 4000) if trial % 2 else len(spoiled))
        spoiled[place] ^= rng.integers(1, 256)
        path.write_bytes(spoiled)
        with pytest.raises(ModelFileError):
            tb.load(folder)
        signed = {**content, "files": {**content["files"], "ledger": describe_file(path)}}
        (folder / MANIFEST).write_text(render(signed))
        _refused(folder, parts[0])
        (folder / MANIFEST).write_text(render(content))


def test_a_mapper_over_features_takes_new_items_and_follows_its_ledger():
    frame = make_panel(500, 60, events_per_user=12)[0].to_frame()
    late = frame["item_id"].isin(UNSEEN) | (frame["user_id"] < 20)
    panel, rng = tb.Panel.from_frame(frame[~late]), np.random.default_rng(0)
    for name in ("books", "films"):
        ids = np.append(panel[name].items.ids, f"{name}: untouched")
        look = rng.normal(size=(len(ids), 4))
        panel = panel.with_item_features(name, look, item_ids=ids, name="look")
    kinds = [TransferRoute(SVDFactors(8), SVDFactors(8)), ContentRoute("look"), LikenessRoute("look")]
    mapper = tb.InterestMapper("films", ["books"], kinds, n_lists=200, n_folds=1).fit(panel)
    names = [route.name for route in mapper.model_.routes]
    assert "books → look → Ridge 0.2 → look" in names
    before = mapper.predict(_untouched(mapper))
    mapper.update(frame[late])
    assert set(UNSEEN[:2]) <= set(mapper.items_["films"].ids)
    assert_as_if_summed_anew(mapper)
    routes = {route.name: route for route in mapper.model_.routes}
    for key, part in mapper.ledger_.accounts.items():
        if isinstance(part, DerivedStatistics) and routes[part.origin].coef is not None:
            coef = routes[part.origin].coef
            np.testing.assert_allclose(routes[key].coef, coef @ part.W[: coef.shape[1]])
    after = mapper.predict(_untouched(mapper))
    assert np.isfinite(after).all()
    assert not np.array_equal(before, after)


@pytest.mark.filterwarnings("ignore:no source helps")
def test_features_of_new_items_are_not_passed_over_in_silence():
    frame = make_panel(200, 40, events_per_user=8)[0].to_frame()
    late = frame["user_id"] < 10
    kinds = [TransferRoute(SVDFactors(4), SVDFactors(4))]
    mapper = tb.InterestMapper("films", routes=kinds, n_lists=200, n_folds=1).fit(frame[~late])
    events = tb.Panel.from_frame(frame[late])
    known = events.with_item_features("films", np.ones((len(events["films"].items), 1)))
    ids = [events["films"].items.ids[0], "films: new", "films: newer"]
    new = events.with_item_features("films", np.eye(3), item_ids=ids)
    with pytest.warns(TastebridgeWarning, match="for new items, 2 of 'films', are ignored until the next"):
        mapper.update(new)
    assert "films: new" in mapper.items_["films"].ids
    mapper.update(known)  # what is known of known items is no news


def _untouched(mapper):
    return pd.DataFrame({"user_id": mapper.panel_.users.ids[:5], "item_id": "films: untouched"})
