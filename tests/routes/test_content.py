"""Routes over features of items: vectors and maps equal to their formulas, and planted tastes found."""

import numpy as np
import pytest
from scipy import sparse

from tastebridge.data import ItemFeatures, Vocabulary
from tastebridge.factors import SVDFactors
from tastebridge.maps import RidgeMap
from tastebridge.maps.moments import Moments
from tastebridge.routes import (
    ContentRoute,
    FitContext,
    LikenessRoute,
    NeighbourRoute,
    PopularityRoute,
    TransferRoute,
    new_items,
    routes_to_new_items,
)
from tastebridge.routes.content import next_item_moments
from tastebridge.routes.description import described_by

PEOPLE, ITEMS = 600, 50


def features_of(matrix, described=None, columns=None):
    n = matrix.shape[0]
    known = np.ones(n, dtype=bool) if described is None else described
    return ItemFeatures(Vocabulary(np.arange(n)), matrix, known, columns)


def planted(seed=0, linked=True):
    """Return histories by a taste for features that is the same in both categories, and the features."""
    rng = np.random.default_rng(seed)
    taste = rng.normal(size=(PEOPLE, 2))
    F = {name: rng.normal(size=(ITEMS, 2)).astype(np.float32) for name in ("books", "films")}
    rows = {}
    for at, name in enumerate(F):
        scores = 2 * taste @ F[name].T + rng.gumbel(size=(PEOPLE, ITEMS))
        chosen = np.argsort(-scores, axis=1)[:, :6]
        X = np.zeros((PEOPLE, ITEMS), dtype=np.float32)
        np.put_along_axis(X, chosen, 1, axis=1)
        if not linked:
            X[np.arange(PEOPLE) % 2 == at] = 0
        rows[name] = sparse.csr_matrix(X)
    return rows, {name: {"look": features_of(part)} for name, part in F.items()}, taste


def scores(context, route, rows):
    known = np.ones(rows[context.target].shape[0], dtype=bool)
    Z = route.vectors(context.encoders[route.encoder].encode(rows), known)
    return Z @ context.spaces[route.space][:, : Z.shape[1]].T


@pytest.mark.parametrize("thin", [False, True])
def test_vectors_are_white_and_undescribed_items_are_silent(thin):
    rng = np.random.default_rng(0)
    F = rng.normal(size=(60, 4)) @ rng.normal(size=(4, 4)) + 3
    described = np.arange(60) != 7
    F = (F * described[:, None]).astype(np.float32)
    given = features_of(sparse.csr_matrix(F) if thin else F, described)
    (found,) = described_by({"books": {"look": given}}, "look", 9).values()
    assert not found.vectors[7].any()
    np.testing.assert_allclose(
        found.vectors.T @ found.vectors / 59, np.eye(found.vectors.shape[1]), atol=1e-6
    )
    centred = F[described] - F[described].mean(axis=0)
    C = np.linalg.inv(centred.T @ centred / 59)
    np.testing.assert_allclose(
        found.vectors[described] @ found.vectors[described].T, centred @ C @ centred.T, atol=1e-4
    )


def test_categories_share_a_space_where_their_columns_mean_the_same():
    rng = np.random.default_rng(1)
    F = rng.normal(size=(30, 3)).astype(np.float32)
    same, other = ("a", "b", "c"), ("a", "b", "d")
    given = {
        "books": {"look": features_of(F, columns=same)},
        "films": {"look": features_of(F[:20], columns=same)},
        "music": {"look": features_of(F, columns=other)},
    }
    for name in ("look", None):
        found = described_by(given, name, 2 if name else 9)
        assert found["books"].group == found["films"].group == {"books", "films"}
        assert found["music"].group == {"music"}
        np.testing.assert_allclose(found["books"].vectors[:20], found["films"].vectors, atol=1e-10)
    assert described_by(given, "sound", 2) == {}


def test_all_features_together_are_white_too():
    rng = np.random.default_rng(2)
    look = rng.normal(size=(40, 3))
    given = {
        "look": features_of(look.astype(np.float32)),
        "more": features_of((look[:, :2] ** 3).astype(np.float32)),
    }
    (found,) = described_by({"books": given}, None, 9).values()
    assert found.vectors.shape == (40, 5)
    np.testing.assert_allclose(found.vectors.T @ found.vectors / 40, np.eye(5), atol=1e-6)


def test_moments_of_next_items_are_the_sum_over_all_pairs():
    rng = np.random.default_rng(0)
    rows = sparse.random(30, 20, 0.2, "csr", random_state=0)
    rows.data[:] = rng.random(rows.nnz)
    T = rng.normal(size=(20, 4))
    X, Y = [], []
    for person in range(30):
        items = rows[person].indices
        for item in items if len(items) > 1 else []:
            X.append((T[items].sum(axis=0) - T[item]) / np.sqrt(len(items) - 1))
            Y.append(T[item])
    found, wanted = next_item_moments(rows, T), Moments.from_arrays(X, Y)
    for name, value in wanted.to_arrays().items():
        np.testing.assert_allclose(found.to_arrays()[name], value, err_msg=name)


def test_the_content_route_is_the_ridge_between_profiles():
    rows, features, _ = planted()
    context = FitContext(rows, "films", features=features)
    (route,) = ContentRoute("look", map=RidgeMap(1.0)).build(context)
    T = {name: part.vectors for name, part in described_by(features, "look", 64).items()}
    X, Y = (rows[name].toarray() @ T[name] / np.sqrt(6) for name in ("books", "films"))
    expected = RidgeMap(1.0).fit(X, Y).predict(X) @ T["films"].T
    np.testing.assert_allclose(scores(context, route, rows), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "linked", "name"),
    [
        (ContentRoute("look"), True, "books → look → Ridge 0.2 → look"),
        (ContentRoute(profile=SVDFactors(8)), True, "books → SVD 8 → Ridge 0.2 → all features"),
        (LikenessRoute("look"), False, "books ≈ look"),
    ],
)
def test_a_planted_taste_for_features_reaches_items_nobody_has_touched(kind, linked, name):
    rows, features, taste = planted(linked=linked)
    hidden = np.arange(ITEMS) < 10
    keep = sparse.diags((~hidden).astype(np.float32))
    context = FitContext(
        {**rows, "films": sparse.csr_matrix(rows["films"] @ keep)}, "films", features=features
    )
    route = next(route for route in kind.build(context) if route.sources == ("books",))
    assert route.name == name
    assert route.bridge == ("users" if linked else "features")
    readers = np.flatnonzero(np.diff(rows["books"].indptr))
    found = scores(context, route, {part: matrix[readers] for part, matrix in rows.items()})[:, hidden]
    liked = taste[readers] @ features["films"]["look"].matrix[hidden].T
    agreement = [np.corrcoef(a, b)[0, 1] for a, b in zip(found, liked, strict=True)]
    assert np.mean(agreement) > 0.6


def test_a_route_to_new_items_scores_them_as_the_ridge_predicts_their_vectors():
    rows, features, _ = planted()
    rows["films"] = sparse.csr_matrix(rows["films"] @ sparse.diags((np.arange(ITEMS) > 2).astype(np.float32)))
    rows["films"].eliminate_zeros()
    context = FitContext(rows, "films", features=features)
    built = [
        *PopularityRoute().build(context),
        *TransferRoute(SVDFactors(4), SVDFactors(5)).build(context),
        *NeighbourRoute(20).build(context),
        *LikenessRoute("look").build(context),
    ]
    new = new_items(context)
    assert new.tolist() == [0, 1, 2]
    carried = routes_to_new_items(context, built, new)
    origins = [route for route in built if not route.name.endswith("neighbours")]
    assert [route.name for route in carried] == [f"{route.name} ⇢ new items" for route in origins]
    T, spread, *_ = context.described("look", 64)["films"]
    F = np.concatenate([features[name]["look"].matrix for name in ("books", "films")])
    F = ((F - F.mean(axis=0)) / F.std(axis=0) / np.sqrt(2))[ITEMS:]
    np.testing.assert_allclose((T * spread) @ (T * spread).T, F @ F.T, atol=1e-5)
    taken = context.popularity > 0
    for route, origin in zip(carried, origins, strict=True):
        V = context.spaces[origin.space]
        predicted = RidgeMap().fit((T * spread)[taken], V[taken]).predict((T * spread)[new])
        Z = origin.vectors(context.encoders[origin.encoder].encode(rows), np.ones(PEOPLE, dtype=bool))
        found = scores(context, route, rows)
        if origin.bridge == "users":  # what it says of all new items alike is not said twice
            found += scores(context, origin, rows) * np.isin(np.arange(ITEMS), new)
        np.testing.assert_allclose(found[:, new], Z @ predicted[:, : Z.shape[1]].T, rtol=1e-4, atol=1e-5)
        assert not found[:, 3:].any()


def test_without_features_there_are_no_such_routes():
    rows, features, _ = planted()
    context = FitContext(rows, "films", features={"books": features["books"]})
    assert ContentRoute("look").build(context) == LikenessRoute("look").build(context) == []
    assert not len(new_items(context))
    assert not len(new_items(FitContext(rows, "films")))


def test_likeness_is_of_what_differs_from_the_usual():
    """Features that all items of a category share say nothing of its people, in whatever category."""
    rows, features, _ = planted(linked=False)
    moved = {"books": features["books"]["look"].matrix + 5, "films": features["films"]["look"].matrix}
    context = FitContext(
        rows, "films", features={name: {"look": features_of(F)} for name, F in moved.items()}
    )
    for route in LikenessRoute("look").build(context):
        category = route.sources[0]
        profiles = context.encoders[route.encoder].encode(rows)
        lengths = np.sqrt(np.diff(rows[category].indptr))
        np.testing.assert_allclose(lengths @ profiles, 0.0, atol=1e-6)
