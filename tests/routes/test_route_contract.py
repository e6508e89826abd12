"""Every kind of route keeps the contract that is shipped for routes of others."""

import numpy as np
import pytest
from sklearn.decomposition import TruncatedSVD
from sklearn.linear_model import Ridge

from tastebridge import factors, maps
from tastebridge.exceptions import InvalidParameterError
from tastebridge.factors import ALSFactors, PretrainedFactors, SVDFactors
from tastebridge.routes import (
    FitContext,
    FittedRoute,
    JointRoute,
    NeighbourRoute,
    PopularityRoute,
    Route,
    TargetRoute,
    TransferRoute,
)
from tastebridge.routes.direction import DirectionRoute
from tastebridge.testing import check_route
from tastebridge.testing.routes import shop

GIVEN = PretrainedFactors(factors=np.random.default_rng(0).normal(size=(18, 3)))
ROUTES = [
    DirectionRoute(GIVEN),
    JointRoute(SVDFactors(5)),
    NeighbourRoute(40),
    PopularityRoute(),
    PopularityRoute(linked=True),
    TargetRoute(ALSFactors(3)),
    TransferRoute(SVDFactors(4), SVDFactors(5), maps.RidgeMap(1.0)),
    TransferRoute(SVDFactors(4), GIVEN),
    TransferRoute(factors.from_sklearn(TruncatedSVD(4)), SVDFactors(5), maps.from_sklearn(Ridge(2.0))),
]


@pytest.mark.bits
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: type(route).__name__)
def test_route_keeps_the_contract(route):
    check_route(route)


class _Route(Route):
    """Popularity, with one promise broken by its class attribute."""

    def __init__(self):
        pass

    def build(self, context):
        rows = self.rows(context)
        space = context.space("mine", np.asarray(rows.sum(axis=0), dtype=float).reshape(-1, 1))
        context.encoder(("books",), SVDFactors(1).fit(context.histories["books"]), "mine")
        return [FittedRoute("mine", ("books",), "mine", *self.map(), space)]

    def rows(self, context):
        return context.histories[context.target]

    def map(self):
        return None, None


class _Leaks(_Route):
    def rows(self, context):
        if "seen" not in vars(self):  # kept from the first build, which saw all rows
            self.seen = super().rows(context)
        return self.seen


class _Misfits(_Route):
    def map(self):
        return np.ones((1, 2)), None


class _Everywhere(_Route):
    def build(self, context):
        context.encoder(("books",), _One(), "mine")
        space = context.space("mine", np.ones((18, 1)))
        return [FittedRoute("mine", ("books",), "mine", None, None, space)]


class _One:
    def transform(self, X):
        return np.ones((X.shape[0], 1))


class _Nothing(_Route):
    def build(self, context):
        return []


@pytest.mark.parametrize(
    ("route", "broken"),
    [
        (_Leaks(), "hidden rows reach 'mine'"),
        (_Misfits(), "does not fit together"),
        (_Everywhere(), "the vector 0 to a user without a history"),
        (_Nothing(), "at least one"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_promise_is_named(route, broken):
    with pytest.raises(AssertionError, match=broken):
        check_route(route)


def test_a_route_that_keeps_all_promises_passes():
    check_route(_Route())


@pytest.mark.parametrize(
    ("route", "told"),
    [
        (TransferRoute(TruncatedSVD(4)), "source_factors must be a factor model; TruncatedSVD lacks fold_in"),
        (TransferRoute(SVDFactors(4), object()), "target_factors .* lacks fit, transform"),
        (
            TransferRoute(SVDFactors(4), SVDFactors(4), Ridge()),
            "map must be a linear map; Ridge lacks fit_moments",
        ),
        (TargetRoute(Ridge()), "factors must be a factor model"),
        (JointRoute("svd"), "str lacks"),
    ],
    ids=lambda value: "",
)
def test_a_part_of_another_kind_is_refused_and_told_what_it_lacks(route, told):
    with pytest.raises(InvalidParameterError, match=told):
        route.build(FitContext(shop(), "films", 4))
