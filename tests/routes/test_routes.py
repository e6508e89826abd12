"""Every kind of route: linear, built of shared parts, and equal to what its docstring says."""

import numpy as np
import pytest
from scipy import sparse

from tastebridge import routes
from tastebridge.data import ItemFeatures, Vocabulary
from tastebridge.exceptions import InvalidParameterError
from tastebridge.factors import ALSFactors, SVDFactors
from tastebridge.maps import CCAMap, RidgeMap
from tastebridge.maps.moments import Moments
from tastebridge.routes import (
    ContentRoute,
    FitContext,
    ItemRegressionRoute,
    JointRoute,
    LikenessRoute,
    NeighbourRoute,
    PopularityRoute,
    RecentPopularityRoute,
    Route,
    SharedItemsRoute,
    TargetRoute,
    TransferRoute,
    known_to,
    side_by_side,
)
from tastebridge.routes.exact import ExactMoments, Grid
from tastebridge.routes.links import decompose, similarities, strongest
from tastebridge.routes.mapped import paired_moments
from tastebridge.routes.transfer import label

KINDS = [
    ContentRoute("size"),
    LikenessRoute(),
    ItemRegressionRoute(),
    JointRoute(SVDFactors(5)),
    NeighbourRoute(40),
    PopularityRoute(),
    PopularityRoute(linked=True),
    RecentPopularityRoute(),
    SharedItemsRoute(SVDFactors(6)),
    TargetRoute(SVDFactors(4)),
    TransferRoute(SVDFactors(4), SVDFactors(5), RidgeMap(1.0)),
]


def histories(seed=0, n=80, widths=(("books", 20), ("films", 15), ("music", 10))):
    rng = np.random.default_rng(seed)
    rows = {}
    for name, m in widths:
        X = (rng.random((n, m)) < 0.25) * (rng.random((n, 1)) < 0.8)
        rows[name] = sparse.csr_matrix(X.astype(np.float32))
    return rows


def select(rows, people):
    return {name: X[people] for name, X in rows.items()}


def described(seed=1, widths=(("books", 20), ("films", 15))):
    rng = np.random.default_rng(seed)
    features = {}
    for name, m in widths:
        items = Vocabulary(np.arange(m))
        size = ItemFeatures(items, rng.random((m, 3)).astype(np.float32), np.ones(m, dtype=bool))
        tags = sparse.csr_matrix((rng.random((m, 6)) < 0.3).astype(np.float32))
        features[name] = {"size": size, "tags": ItemFeatures(items, tags, np.ones(m, dtype=bool))}
    return features


SAME = {"books": (np.array([0, 3, 5]), np.array([2, 4, 9]))}


@pytest.fixture
def context():
    return FitContext(histories(), "films", 8, features=described(), same=SAME)


def vectors(context, route, rows):
    encoded = context.encoders[route.encoder].encode(rows)
    return route.vectors(encoded, known_to(route.sources, rows))


def test_every_exported_kind_is_tested():
    exported = {getattr(routes, name) for name in routes.__all__}
    kinds = {kind for kind in exported if isinstance(kind, type) and issubclass(kind, Route)} - {Route}
    assert {type(kind) for kind in KINDS} == kinds


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: type(kind).__name__)
def test_a_route_gives_finite_vectors_and_silence_for_the_unknown(context, kind):
    built = kind.build(context)
    assert built
    assert [route.name for route in built] == [route.name for route in kind.build(context)]
    empty = {
        name: sparse.csr_matrix((2, rows.shape[1]), dtype=np.float32)
        for name, rows in context.histories.items()
    }
    for route in built:
        V = context.spaces[route.space]
        Z = vectors(context, route, context.histories)
        assert V.shape[0] == 15
        assert Z.shape[1] <= V.shape[1]
        assert np.isfinite(Z @ V[:, : Z.shape[1]].T).all()
        assert bool(vectors(context, route, empty).any()) == (not route.sources)


def test_popularity_is_the_logarithm_of_the_share(context):
    (route,) = PopularityRoute(prior=0.5).build(context)
    counts = np.asarray((context.histories["films"] > 0).sum(axis=0)).ravel() + 0.5
    expected = np.log(counts / counts.mean())
    scores = vectors(context, route, context.histories) @ context.spaces[route.space].T
    np.testing.assert_allclose(scores, np.tile(expected, (80, 1)), rtol=1e-6)
    with pytest.raises(InvalidParameterError, match="prior"):
        PopularityRoute(prior=0.0).build(context)


def test_popularity_among_linked_people_counts_those_alone():
    rows = histories()
    linked = ((rows["books"].sum(axis=1) + rows["music"].sum(axis=1)) > 0).A1
    among = PopularityRoute(prior=2.0, linked=True)
    (route,) = among.build(context := FitContext(rows, "films"))
    (expected,) = PopularityRoute(prior=2.0).build(all_linked := FitContext(select(rows, linked), "films"))
    np.testing.assert_array_equal(context.spaces[route.space], all_linked.spaces[expected.space])
    assert among.build(all_linked) == []
    nobody = {**rows, "books": rows["books"] * 0, "music": rows["music"] * 0}
    for X in nobody.values():
        X.eliminate_zeros()
    assert among.build(FitContext(nobody, "films")) == []


def test_transfer_is_source_factors_map_target_factors(context):
    built = TransferRoute(SVDFactors(4), SVDFactors(5), RidgeMap(2.0)).build(context)
    assert [route.sources for route in built] == [("books",), ("music",)]
    X, Y = context.histories["books"], context.histories["films"]
    linked = np.flatnonzero((np.diff(X.indptr) > 0) & (np.diff(Y.indptr) > 0))
    phi, psi = context.factors(("books",), SVDFactors(4)), context.factors(("films",), SVDFactors(5))
    expected = RidgeMap(2.0).fit(phi.transform(X[linked]), psi.transform(Y[linked])).predict(phi.transform(X))
    known = np.diff(X.indptr) > 0
    Z = vectors(context, built[0], context.histories)
    np.testing.assert_allclose(Z[known], expected[known], rtol=1e-6, atol=1e-7)
    assert not Z[~known].any()
    np.testing.assert_allclose(context.spaces[built[0].space][:, :5], psi.item_factors_, rtol=1e-6)


def test_transfer_takes_the_sources_it_is_told(context):
    assert [
        r.sources
        for r in TransferRoute(sources=["music"])
        .set_params(source_factors=SVDFactors(2), target_factors=SVDFactors(2), map=CCAMap(2))
        .build(context)
    ] == [("music",)]


def test_ranks_and_filters_share_one_space(context):
    built = [
        route
        for rank, name in ((3, "ideal"), (8, "power"), (5, "power"))
        for route in TargetRoute(SVDFactors(rank, filter=name)).build(context)
    ]
    assert len({route.space for route in built}) == 1
    assert context.spaces[built[0].space].shape[1] == 8
    alone = FitContext(context.histories, "films", 8)
    (route,) = TargetRoute(SVDFactors(3)).build(alone)
    np.testing.assert_array_equal(context.spaces[built[0].space][:, :3], alone.spaces[route.space][:, :3])


def test_joint_decodes_the_target_of_all_categories(context):
    (route,) = JointRoute(ALSFactors(4, n_jobs=1)).build(context)
    stacked = sparse.hstack([context.histories[name] for name in ("books", "films", "music")], format="csr")
    model = ALSFactors(4, n_jobs=1).fit(stacked[np.diff(stacked.indptr) > 0])
    expected = model.transform(stacked) @ model.item_factors_[20:35].T
    scores = vectors(context, route, context.histories) @ context.spaces[route.space].T
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)


def test_neighbours_score_by_the_strongest_links(context):
    built = NeighbourRoute(n_links=40, shrinkage=2.0).build(context)
    assert [route.sources for route in built] == [("books",), ("music",), ("films",)]
    X, Y = context.histories["books"].toarray() > 0, context.histories["films"].toarray() > 0
    linked = X.any(axis=1) & Y.any(axis=1)
    A, B = X[linked].astype(float), Y[linked].astype(float)
    S = (A.T @ B) / (np.sqrt(np.outer(A.sum(axis=0), B.sum(axis=0))) + 2.0)
    keep = np.argsort(-S, axis=None, kind="stable")[:40]
    mask = np.zeros(S.size, dtype=bool)
    mask[keep] = True
    S = np.where(mask.reshape(S.shape), S, 0.0)
    expected = X @ S / np.sqrt(np.maximum(X.sum(axis=1), 1))[:, None]
    scores = vectors(context, built[0], context.histories) @ context.spaces[built[0].space].T
    np.testing.assert_allclose(scores, expected, atol=1e-6)


def test_neighbours_within_the_target_leave_an_item_itself_out(context):
    built = NeighbourRoute(n_links=10_000).build(context)
    one = {
        name: sparse.csr_matrix((15, rows.shape[1]), dtype=np.float32)
        for name, rows in context.histories.items()
    }
    one["films"] = sparse.identity(15, dtype=np.float32, format="csr")
    scores = vectors(context, built[-1], one) @ context.spaces[built[-1].space].T
    np.testing.assert_allclose(np.diag(scores), 0.0, atol=1e-6)
    assert {route.sources for route in NeighbourRoute(within=False).build(context)} == {
        ("books",),
        ("music",),
    }


@pytest.mark.parametrize("seed", range(5))
def test_decompose_is_exact(seed):
    S = sparse.random(40, 30, density=0.03, random_state=seed, format="csr")
    E, V = decompose(S)
    np.testing.assert_allclose((E @ V.T).toarray(), S.toarray(), atol=1e-12)
    nothing = decompose(sparse.csr_matrix((4, 3)))
    assert [part.shape for part in nothing] == [(4, 1), (3, 1)]
    assert not (nothing[0] @ nothing[1].T).nnz


@pytest.mark.parametrize("shard", [1, 7, 80, 1000])
def test_moments_of_shards_are_those_of_everybody(context, shard):
    phi, psi = (context.factors((name,), SVDFactors(4)) for name in ("books", "films"))
    linked = context.linked("books")
    X, Y = context.histories["books"][linked], context.histories["films"][linked]
    F, G = phi.transform(X), psi.transform(Y)
    found = (
        paired_moments((phi.transform, X), (psi.transform, Y), Grid.of(F, G, 80), shard).rounded().to_arrays()
    )
    for name, whole in Moments.from_arrays(F, G).to_arrays().items():
        np.testing.assert_allclose(found[name], whole, rtol=1e-5, atol=1e-6)
    exact = ExactMoments.of(F, G, Grid.of(F, G, 80)).rounded().to_arrays()
    for name, whole in exact.items():
        np.testing.assert_array_equal(found[name], whole)


def test_strongest_breaks_ties_by_place():
    S = sparse.csr_matrix(np.array([[1.0, 2.0, 1.0], [1.0, 0.0, 1.0]]))
    np.testing.assert_array_equal(strongest(S, 3).toarray(), [[1, 2, 1], [0, 0, 0]])
    assert strongest(S, 9) is S


def test_similarities_are_shrunk_cosines():
    X = sparse.csr_matrix(np.array([[1.0, 0.0], [1.0, 1.0]]))
    Y = sparse.csr_matrix(np.array([[1.0], [1.0]]))
    np.testing.assert_allclose(similarities(X, Y, 1.0).toarray(), [[2 / 3], [1 / (np.sqrt(2) + 1)]])


def test_the_workshop_fits_nothing_twice(context, monkeypatch):
    fits = []
    fit = SVDFactors.fit
    monkeypatch.setattr(SVDFactors, "fit", lambda self, X, y=None: fits.append(X.shape) or fit(self, X))
    for kind in (TransferRoute(SVDFactors(4), SVDFactors(5)), TransferRoute(SVDFactors(3), SVDFactors(8))):
        kind.build(context)
    TargetRoute(SVDFactors(2)).build(context)
    assert len(fits) == 3
    child = FitContext(
        {**context.histories, "films": context.histories["films"][::-1]}, "films", 8, parent=context
    )
    TransferRoute(SVDFactors(4), SVDFactors(5)).build(child)
    assert len(fits) == 4


def test_ranks_above_the_data_are_refused_unless_people_are_held_out(context):
    with pytest.raises(InvalidParameterError, match="at most 15"):
        TargetRoute(SVDFactors(16)).build(context)
    child = context.hiding(context.histories["films"].copy())
    assert TargetRoute(SVDFactors(16)).build(child)


def test_names_say_what_is_unusual():
    assert label(SVDFactors(8)) == "SVD 8"
    assert label(SVDFactors(8, filter="power", beta=0.5)) == "SVD 8 σ^0.5"
    assert label(SVDFactors(8, user_power=0.3)) == "SVD 8 user_power=0.3"
    assert label(RidgeMap(0.5)) == "Ridge 0.5"
    assert label(ALSFactors(4, random_state=3, n_jobs=1)) == "ALS 4 5"


def test_histories_stand_side_by_side_as_scipy_puts_them():
    rows = histories(n=30)
    for names in (("books",), ("films", "books"), ("music", "books", "films")):
        mine, theirs = side_by_side(rows, names), sparse.hstack([rows[name] for name in names], format="csr")
        np.testing.assert_array_equal(mine.indptr, theirs.indptr)
        np.testing.assert_array_equal(mine.indices, theirs.indices)
        np.testing.assert_array_equal(mine.data, theirs.data)
        assert mine.shape == theirs.shape
