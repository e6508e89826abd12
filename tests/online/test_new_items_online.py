"""Items that come with features: held to the regression, the whitening and the fold-in worked out by hand."""

from copy import deepcopy
from dataclasses import replace
from functools import reduce

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.linear_model import Ridge

import tastebridge as tb
from contracts.states import with_part
from contracts.statistics import assert_as_if_summed_anew
from tastebridge.batch import RecommendationKernel, nest
from tastebridge.data import ItemFeatures
from tastebridge.datasets import make_panel
from tastebridge.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    TastebridgeError,
    TastebridgeWarning,
    UnknownCategoryError,
)
from tastebridge.factors import ALSFactors, EASEFactors, SVDFactors
from tastebridge.persist import fingerprint
from tastebridge.persist.manifest import MANIFEST, describe_file, parse, render
from tastebridge.recommenders.attributes import encoder_of
from tastebridge.routes import (
    ContentRoute,
    JointRoute,
    LikenessRoute,
    NeighbourRoute,
    TargetRoute,
    TransferRoute,
)
from tastebridge.routes.derived import DerivedStatistics

pytestmark = pytest.mark.filterwarnings("ignore:no source helps")  # few people, and no matter here
NEW = ("films:05", "films:22", "films:40", "books:11")
"""Items that are not in the fit."""
ROUTES = [
    TransferRoute(SVDFactors(6), SVDFactors(6, filter="power")),
    TransferRoute(ALSFactors(4), ALSFactors(4)),
    JointRoute(EASEFactors(6)),
    TargetRoute(SVDFactors(5)),
    NeighbourRoute(40),
    ContentRoute("look"),
    LikenessRoute("look"),
    ContentRoute(),
]


@pytest.fixture(scope="module")
def frame():
    return make_panel(320, 50, ("books", "films"), events_per_user=9, timestamps=True)[0].to_frame()


@pytest.fixture(scope="module")
def features(frame):
    """Numbers and tags of all items, of some items only the one or the other."""
    rng, found = np.random.default_rng(0), {}
    for name in ("books", "films"):
        ids = np.unique(frame["item_id"][frame["category"] == name])
        look = rng.normal(size=(len(ids), 4)) @ rng.normal(size=(4, 4)) + 5
        tags = sparse.csr_matrix((rng.random((len(ids), 6)) < 0.4).astype(np.float32))
        found[name] = {
            "look": ItemFeatures.read(look[2:], ids[2:]),
            "tags": ItemFeatures.read(tags[:-3], ids[:-3]),
        }
    return found


def those(features, ids):
    """The features of some items."""
    out = {}
    for name, kinds in features.items():
        mine = [item for item in ids if item.startswith(name)]
        for kind, part in kinds.items():
            known = [item for item in mine if item in part.items.ids]
            if known:
                at = part.items.numbers(known)
                read = ItemFeatures.read(part.matrix[at], known)
                out.setdefault(name, {})[kind] = replace(read, columns=part.columns)
    return out


@pytest.fixture(scope="module")
def fitted(frame, features):
    panel = tb.Panel.from_frame(frame[~frame["item_id"].isin(NEW)])
    for name, kinds in features.items():
        known = those(features, panel[name].items.ids)
        for kind in kinds:
            panel = panel.with_item_features(name, known[name][kind], name=kind)
    mapper = tb.InterestMapper("films", routes=ROUTES, n_lists=200, n_negatives=20, n_folds=1)
    return mapper.fit(panel)


@pytest.fixture
def mapper(fitted):
    return deepcopy(fitted)


def whitened(matrix, described, dense):
    """Principal components, white, of the described rows, and how they spread; of sparse rows not scaled."""
    F = np.asarray(matrix, dtype=np.float64) - matrix[described].mean(axis=0, dtype=np.float64)
    if dense:
        F /= F[described].std(axis=0)
    values, W = np.linalg.eigh(np.cov(F[described].T, bias=True))
    keep = values > 1e-9 * values.max()
    spread = np.sqrt(values[keep] / values[keep].sum())
    return F @ W[:, keep] / np.sqrt(values[keep]), spread


def components(features, fit_items, asked):
    """For the films asked for, the principal components by which new items are told, and those of the fit."""
    parts = {}
    for kind, dense in (("look", True), ("tags", False)):
        rows, masks = [], []
        for name in ("books", "films"):
            ids = [*fit_items[name], *(asked if name == "films" else [])]
            part = features[name][kind].over(tb.Vocabulary.from_ids(ids))
            at = part.items.numbers(ids)
            matrix = part.matrix[at]
            rows.append(matrix if dense else matrix.toarray())
            masks.append(part.described[at])
        F, known = np.concatenate(rows), np.concatenate(masks)
        of_fit = known.copy()
        of_fit[len(F) - len(asked) :] = False
        T, spread = whitened(F, of_fit, dense)
        parts[kind] = (T * spread * known[:, None])[len(fit_items["books"]) :]
    whole = np.concatenate(list(parts.values()), axis=1)
    return whole[: len(fit_items["films"])], whole[len(fit_items["films"]) :]


def test_an_untouched_item_has_the_factors_the_regression_of_the_fit_predicts(mapper, features):
    fit_items = {name: items.ids.tolist() for name, items in mapper.items_.items()}
    T, arrived = components(features, fit_items, NEW[:3])
    taken = np.bincount(mapper.panel_["films"].matrix.indices, minlength=len(T)) > 0
    known = taken & T.any(axis=1)
    X = T[known] - T[known].mean(axis=0)
    peer = Ridge(alpha=(X**2).sum() / X.shape[1], solver="svd")
    spaces = {key: np.array(V) for key, V in mapper.model_.spaces.items()}
    mapper.update(features=those(features, NEW))
    model, at = mapper.model_, mapper.items_["films"].numbers(NEW[:3])
    rows = {name: part[:40] for name, part in encoder_of(mapper).rows(mapper.panel_).items()}
    routes = {route.name: route for route in model.routes}
    carried = [part for part in mapper.ledger_.accounts.values() if isinstance(part, DerivedStatistics)]
    assert len(carried) >= 6
    for part in carried:
        origin, route = routes[part.origin], routes[part.route]
        V = spaces[origin.space]
        predicted = peer.fit(T[known], V[known]).predict(arrived).reshape(len(arrived), -1)
        if origin.space.startswith("popularity"):
            seen = mapper.panel_["films"].matrix
            if "linked" in origin.space:
                seen = seen[np.diff(mapper.panel_["books"].matrix.indptr) > 0]
            counts = seen.getnnz(axis=0)[np.delete(np.arange(seen.shape[1]), at)]
            predicted = predicted - np.log(0.5 / (counts + 0.5).mean())  # what an item nobody took has
        Z = model.encoders[origin.encoder].encode(rows)
        z, w = (one.vectors(Z, np.ones(40, dtype=bool)) for one in (origin, route))
        found = w @ model.spaces[route.space][at].T
        np.testing.assert_allclose(found, z @ predicted[:, : z.shape[1]].T, rtol=1e-3, atol=1e-4)
    old = np.setdiff1d(np.arange(len(mapper.items_["films"])), at)
    for key, V in spaces.items():
        if not key.startswith("popularity"):
            np.testing.assert_array_equal(model.spaces[key][old], V)


def test_rows_over_features_have_the_inner_products_of_mahalanobis(mapper, features):
    mapper.update(features=those(features, NEW))
    parts = []
    for name in ("books", "films"):
        items = mapper.items_[name]
        given = features[name]["look"].over(items)
        parts.append((name, items, given, given.described & ~np.isin(items.ids, NEW)))
    F = np.concatenate([given.matrix.astype(float) for _, _, given, _ in parts])
    of_fit = np.concatenate([mask for *_, mask in parts])
    precision = np.linalg.inv(np.cov(F[of_fit].T, bias=True))
    mean, encoders = F[of_fit].mean(axis=0), {**mapper.ledger_.encoders, **mapper.model_.encoders}
    for name, items, given, _ in parts:
        X = given.matrix - mean
        expected = X @ precision @ X.T * np.outer(given.described, given.described)
        T = encoders[f"{name}: features 'look' 64"].model.encoder_
        np.testing.assert_allclose(T @ T.T, expected, atol=1e-3)
        new = items.numbers([item for item in NEW if item.startswith(name)])
        assert T[new].any(axis=1).all()
    space = mapper.model_.spaces["features 'look' 64"]
    np.testing.assert_allclose(space, T, rtol=1e-6)


def test_halves_give_what_the_whole_gives(mapper, frame, features):
    late = frame[~frame["item_id"].isin(NEW) & (frame["user_id"] < 30)].assign(
        user_id=lambda table: table["user_id"] + 5000
    )
    first = late["user_id"] < 5015
    whole = deepcopy(mapper).update(late, features=those(features, NEW))
    mapper.update(late[first], features=those(features, NEW[1:3]))
    mapper.update(late[~first], features=those(features, (NEW[0], NEW[3])))
    for key, V in whole.model_.spaces.items():
        np.testing.assert_array_equal(mapper.model_.spaces[key], V)
    for mine, theirs in zip(mapper.model_.routes, whole.model_.routes, strict=True):
        for part in ("coef", "intercept"):
            np.testing.assert_array_equal(getattr(mine, part), getattr(theirs, part))
    pd.testing.assert_frame_equal(mapper.recommend(), whole.recommend())
    np.testing.assert_array_equal(
        mapper.panel_.item_features["films"]["look"].described,
        whole.panel_.item_features["films"]["look"].described,
    )


def test_without_features_an_update_is_what_it_was(mapper, frame):
    without = deepcopy(mapper)
    with_part(without, statistics=replace(without.ledger_, arrivals=None))
    late = frame[frame["item_id"].isin(NEW) | (frame["user_id"] < 20)].assign(user_id=7000)
    assert fingerprint(mapper.update(late)) == fingerprint(without.update(late))
    assert "new items" not in mapper.model_.spaces


def test_with_its_first_takers_an_item_goes_over_to_them(mapper, frame, features):
    late = frame[frame["item_id"].isin(NEW)]
    at_once = deepcopy(mapper).update(late, features=those(features, NEW))
    mapper.update(features=those(features, NEW))
    at = mapper.items_["films"].numbers(NEW[:3])
    assert (mapper.model_.spaces["new items"][at, -1] == 1).all()
    mapper.update(late)
    assert_as_if_summed_anew(mapper)
    for one in (mapper, at_once):
        assert not one.model_.spaces.get("new items", np.zeros(1)).any()
        for space in one.ledger_.decoders:
            assert np.abs(one.model_.spaces[space][at]).sum(axis=1).all()
    for space in mapper.ledger_.decoders:
        mine, theirs = (one.model_.spaces[space][at].ravel() for one in (mapper, at_once))
        assert mine @ theirs > 0.99 * np.linalg.norm(mine) * np.linalg.norm(theirs)
    assert not any(len(part) for part in mapper.ledger_.arrivals.untaken.values())


def assert_popularity_is_the_larger_of_counted_and_predicted(mapper, at):
    counts = mapper.panel_["films"].matrix.getnnz(axis=0)
    counted, least = (np.log(n / (counts + 0.5).mean()) for n in (counts[at] + 0.5, 0.5))
    carried = mapper.ledger_.accounts["popularity ⇢ new items"]
    predicted = (mapper.model_.spaces["new items"][at] @ carried.W.T)[:, 0]
    found = mapper.model_.spaces["popularity"][at, 0] + predicted
    np.testing.assert_allclose(found, np.maximum(counted, least + predicted), rtol=1e-5)


def test_few_first_takers_leave_an_item_to_its_features(mapper, frame, features):
    late = frame[frame["item_id"].isin(NEW[:2])].groupby("item_id").head(3)
    whole, takers = deepcopy(mapper), late["user_id"]
    whole.update(features=those(features, NEW))
    rows = {key: np.array(V) for key, V in whole.model_.spaces.items()}
    mapper.update(late, features=those(features, NEW))  # at once
    whole.update(late)  # one after the other
    at = whole.items_["films"].numbers(NEW[:2])
    for one in (mapper, whole):
        assert_as_if_summed_anew(one)
        for key in ("new items", *one.ledger_.decoders):
            np.testing.assert_array_equal(one.model_.spaces[key][at], rows[key][at])
        assert not any(one.model_.spaces[key][at].any() for key in one.ledger_.decoders)
        assert not np.isin(at, one.ledger_.arrivals.untaken["films"]).any()
        assert_popularity_is_the_larger_of_counted_and_predicted(one, at)
    more = frame[frame["item_id"].isin(NEW[:2]) & ~frame["user_id"].isin(takers)]
    mapper.update(more)  # their factors would no longer be those of everybody who took them
    assert_as_if_summed_anew(mapper)
    np.testing.assert_array_equal(mapper.model_.spaces["new items"][at], rows["new items"][at])
    assert_popularity_is_the_larger_of_counted_and_predicted(mapper, at)


def test_an_item_of_the_fit_without_events_goes_over_too(fitted, frame, features):
    panel = fitted.panel_
    for kind, part in those(features, NEW)["films"].items():
        whole = panel.item_features["films"][kind]
        items = whole.items.extended(part.items.ids)[0]
        panel = panel.with_item_features("films", whole.joined(part, items), name=kind)
    mapper = tb.InterestMapper("films", routes=ROUTES[:2], n_lists=200, n_negatives=20, n_folds=1).fit(panel)
    at = mapper.items_["films"].numbers(NEW[:3])
    assert (mapper.model_.spaces["new items"][at, -1] == 1).all()
    mapper.update(frame[frame["item_id"].isin(NEW[:1])])
    assert_as_if_summed_anew(mapper)
    assert (mapper.model_.spaces["new items"][at, -1] == [0, 1, 1]).all()
    for space in mapper.ledger_.decoders:
        assert mapper.model_.spaces[space][at].any(axis=1).tolist() == [True, False, False]


def test_a_mapper_with_arrivals_does_all_it_did(mapper, frame, features, tmp_path):
    mapper.save(tmp_path / "model", updatable=True)
    late = frame[frame["user_id"] < 10].assign(user_id=9000)
    loaded = tb.load(tmp_path / "model").update(late, features=those(features, NEW))
    mapper.update(late, features=those(features, NEW))
    assert fingerprint(loaded) == fingerprint(mapper)
    loaded.save(tmp_path / "again", updatable=True)
    again = tb.load(tmp_path / "again")
    assert fingerprint(again) == fingerprint(loaded)
    known = late[~late["item_id"].isin(NEW)]
    later = frame[frame["item_id"].isin(NEW)].assign(user_id=9001)
    assert fingerprint(again.update(later)) == fingerprint(deepcopy(mapper).update(later))
    listed = mapper.recommend_from(known, n=3, allow=list(NEW[:3]))
    assert set(listed["item_id"]) == set(NEW[:3])
    kernel = RecommendationKernel(again, 3)
    batch = nest(pa.Table.from_pandas(known, preserve_index=False))
    found = pd.concat([answer.to_pandas() for answer in kernel.map([batch])], ignore_index=True)
    pd.testing.assert_frame_equal(found, again.recommend_from(known, 3), check_exact=True)
    vectors = mapper.item_vectors()
    ids = mapper.panel_.users.ids[:30]
    scores = mapper.user_vectors(ids).vectors @ vectors.vectors.T
    pairs = pd.DataFrame({"user_id": ids, "item_id": NEW[0]})
    place = mapper.items_["films"].numbers(NEW[:1])
    np.testing.assert_allclose(scores[:, place].ravel(), mapper.predict(pairs), rtol=1e-4, atol=1e-5)
    told = mapper.explain(ids[0], NEW[0])
    assert told["contribution"].sum() == pytest.approx(scores[0, place[0]], rel=1e-4)
    assert told["route"].str.endswith("new items").any()
    assert set(mapper.audience([NEW[0]], 3)["item_id"]) == {NEW[0]}
    assert mapper.compress(16).recommend(ids, n=2, allow=list(NEW[:3]))["item_id"].isin(NEW).all()
    mapper.forget(ids[:5])
    assert_as_if_summed_anew(mapper)
    kept = mapper.forget(mapper.panel_.users.ids[:3], refit_items=True)
    assert kept.refitted
    assert set(mapper.recommend(mapper.panel_.users.ids[:2], n=3, allow=list(NEW[:3]))["item_id"]) == set(
        NEW[:3]
    )


def test_new_items_stand_in_their_order_by_what_people_like():
    """A planted taste: readers of one of four tags get the new films of that tag first."""
    rng, rows = np.random.default_rng(0), []
    for person in range(120):
        for name in ("books", "films"):
            rows += [(person, f"{name} {item}", name) for item in person % 4 + 4 * rng.integers(10, size=6)]
    panel = tb.Panel.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "category"]))
    films = pd.DataFrame({"item_id": [f"films {item}" for item in range(48)]})
    for tag in range(4):
        films[f"tag {tag}"] = (np.arange(48) % 4 == tag).astype(float)
    panel = panel.with_item_features("films", films[:40])
    kinds = [TransferRoute(SVDFactors(8), SVDFactors(8))]
    mapper = tb.InterestMapper("films", routes=kinds, n_lists=300).fit(panel)
    mapper.update(features={"films": films[40:]})
    with pytest.raises(InvalidDataError, match="features' of 'films' are lists of numbers"):
        mapper.read_features({"films": pd.DataFrame({"item_id": ["films 50"], "features": ["war"]})})
    ids = panel.users.ids
    first = mapper.recommend(ids, n=2, allow=films["item_id"][40:].tolist())
    hit = first["item_id"].str.removeprefix("films ").astype(int) % 4 == first["user_id"] % 4
    assert hit.mean() > 0.9  # by chance a quarter


@pytest.mark.parametrize("n", [9, 10, 12])
def test_few_described_items_teach_or_do_not_and_say_so(frame, n):
    films = np.unique(frame["item_id"][frame["category"] == "films"])[:n]
    look = pd.DataFrame({"item_id": films, "x": np.arange(float(n))})
    panel = tb.Panel.from_frame(frame).with_item_features("films", look)
    mapper = tb.InterestMapper("films", routes=ROUTES[:1], n_lists=200, n_negatives=20, n_folds=1).fit(panel)
    more = {"films": pd.DataFrame({"item_id": ["a new one"], "x": [3.0]})}
    if n < 10:
        with pytest.warns(TastebridgeWarning, match="1 of 'films'.* at least ten items"):
            mapper.update(features=more)
    else:
        mapper.update(features=more)
    at = mapper.items_["films"].numbers(["a new one"])
    assert ("new items" in mapper.model_.spaces) == (n >= 10)
    assert mapper.item_vectors().vectors[at].any()


def test_what_does_not_fit_is_refused_and_changes_nothing(mapper, features):
    known = fingerprint(mapper)
    given = those(features, NEW)["films"]
    look = given["look"]
    wide = ItemFeatures.read(np.ones((1, 5)), ["x"])
    for bad, message in [
        ({"films": {"plot": look}}, r"without features 'plot' of 'films'; it knows \['look', 'tags'\]"),
        ({"films": {"lok": look}}, "Did you mean 'look'"),
        ({"films": {"look": wide}}, "5 columns were given, and the fit had 4"),
        (
            {"films": {"look": replace(look, columns=("a", "b", "c", "d"))}},
            "column 0 is 'a', and was 'no names'",
        ),
        ({"films": {"tags": ItemFeatures.read(np.ones((1, 6)), ["x"])}}, "dense numbers came, and a sparse"),
        ({"films": {"look": ItemFeatures.read(np.ones((1, 4)), [7])}}, "kind int"),
        (look, "a mapping of category"),
    ]:
        with pytest.raises(InvalidDataError, match=message):
            mapper.update(features=bad)
    with pytest.raises(UnknownCategoryError, match="Did you mean 'films'"):
        mapper.update(features={"film": {"look": look}})
    with pytest.raises(InvalidParameterError, match="nothing to update with"):
        mapper.update()
    assert fingerprint(mapper) == known


def test_features_of_known_items_stay_as_they_are(mapper, features):
    known = mapper.items_["films"].ids[5:9]
    mapper.update(features=those(features, known))
    same = those(features, known)["films"]["look"]
    other = replace(same, matrix=same.matrix + np.array([0, 1, 0, 1], np.float32)[:, None])
    before = fingerprint(mapper)
    with pytest.warns(
        TastebridgeWarning, match="items the model knows, 2 of 'films', differ from the features of the fit"
    ):
        mapper.update(features={"films": {"look": other}})
    assert fingerprint(mapper) == before


def test_a_model_saved_before_features_were_kept_says_so(mapper, features, tmp_path):
    mapper.save(tmp_path / "model", updatable=True)
    content = parse((tmp_path / "model" / MANIFEST).read_bytes(), tmp_path / "model")
    content["ledger"]["arrivals"] = None
    content["ledger"]["accounts"] = [
        part for part in content["ledger"]["accounts"] if part["class"] != "CarriedAccount"
    ]
    (tmp_path / "model" / MANIFEST).write_text(render(content))
    old = tb.load(tmp_path / "model")
    with pytest.warns(TastebridgeWarning, match="3 of 'films'.* at least ten items"):
        old.update(features=those(features, NEW[:3]))
    assert set(NEW[:3]) <= set(old.items_["films"].ids)


JUNK = (None, -1, 10**30, "x", [], {}, True, 0.5)


def test_a_spoiled_account_of_new_items_is_an_error_of_ours_or_none(fitted, features, tmp_path):
    folder, rng, refused = tmp_path / "model", np.random.default_rng(0), 0
    fitted.save(folder, updatable=True)
    whole = (folder / MANIFEST).read_bytes()
    content = parse(whole, folder)
    places = _leaves(content["ledger"]["arrivals"])
    for place in rng.choice(len(places), 40, replace=False):
        spoiled = parse(whole, folder)
        *path, last = places[place]
        reduce(lambda record, key: record[key], path, spoiled["ledger"]["arrivals"])[last] = JUNK[
            rng.integers(len(JUNK))
        ]
        (folder / MANIFEST).write_text(render(spoiled))
        refused += _refused(folder, features)
    assert refused > 15
    arrays = folder / content["files"]["ledger"]["file"]
    good = arrays.read_bytes()
    for _ in range(15):
        bad = bytearray(good)
        bad[rng.integers(min(len(bad), 6000))] ^= rng.integers(1, 256)
        arrays.write_bytes(bad)
        signed = {**content, "files": {**content["files"], "ledger": describe_file(arrays)}}
        (folder / MANIFEST).write_text(render(signed))
        _refused(folder, features)


def _leaves(record, path=()):
    pairs = (
        record.items() if isinstance(record, dict) else enumerate(record) if isinstance(record, list) else ()
    )
    return [leaf for key, part in pairs for leaf in ((*path, key), *_leaves(part, (*path, key)))]


def _refused(folder, features):
    try:
        tb.load(folder).update(features=those(features, NEW))
    except TastebridgeError as error:
        assert len(str(error)) < 2000  # noqa: PT017 - either is right, a crash is not
        return True
    return False
