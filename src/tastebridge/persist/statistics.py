"""The sufficient statistics of a model to a record and arrays, and back; misfits are refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.exceptions import ModelFileError
from tastebridge.maps.base import LinearMap
from tastebridge.model import LinearModel
from tastebridge.online.statistics import ModelStatistics
from tastebridge.persist.arrays import Arrays
from tastebridge.persist.linear import describe_encoder, revive_encoder
from tastebridge.persist.new_items import describe_new_items, revive_new_items
from tastebridge.persist.parameters import from_json, to_json
from tastebridge.routes import Encoder, FittedRoute, RouteStatistics, width_of
from tastebridge.routes.counted import CountStatistics
from tastebridge.routes.derived import DerivedStatistics
from tastebridge.routes.direction import DirectionStatistics
from tastebridge.routes.exact import ExactMoments, Grid
from tastebridge.routes.mapped import MapStatistics
from tastebridge.routes.paired import CooccurrenceStatistics, Pairs
from tastebridge.routes.partners import Rule
from tastebridge.routes.recent import RecentCounts
from tastebridge.routes.regressed import MOST_PARTNERS, RegressionStatistics

_Sizes = Mapping[str, int]
_Encoders = Mapping[str, Encoder]
_Counted = TypeVar("_Counted", NDArray[Any], sparse.csr_matrix)
_FINEST, _MOST = 500, 2.0**53
"""Bounds on the exponent of a grid and on other numbers.

Squares of the unit of a grid must be finite and not zero, and whole numbers exact in a float64.
"""


def describe_statistics(statistics: ModelStatistics, arrays: Arrays) -> dict[str, Any]:
    """Store the arrays of a model's statistics and return their record."""
    arrivals = statistics.arrivals
    return {
        "accounts": [
            {"key": key, **_DESCRIBE[type(part)](part, arrays.under(f"accounts/{place}"))}
            for place, (key, part) in enumerate(statistics.accounts.items())
        ],
        "encoders": [
            describe_encoder(place, key, encoder, arrays)
            for place, (key, encoder) in enumerate(statistics.encoders.items())
        ],
        "decoders": dict(statistics.decoders),
        "people": dict(statistics.people),
        "arrivals": None if arrivals is None else describe_new_items(arrivals, arrays.under("arrivals")),
        # Only where it is so: files of models without twins stay as they were.
        **({"apart": True} if statistics.apart else {}),
    }


def revive_statistics(
    record: dict[str, Any], arrays: Arrays, sizes: _Sizes, model: LinearModel
) -> ModelStatistics:
    """Return the statistics of a record, which must fit the model."""
    encoders = {
        part["key"]: revive_encoder(place, part, arrays, sizes)
        for place, part in enumerate(record["encoders"])
    }
    known = {**encoders, **model.encoders}
    accounts = {}
    for place, part in enumerate(record["accounts"]):
        if part["class"] not in _REVIVE:
            raise ModelFileError(f"its statistics have the unknown kind {part['class']!r}.")
        revive = _REVIVE[part["class"]]
        accounts[_name(part["key"])] = revive(part, arrays.under(f"accounts/{place}"), sizes, known)
    people = {name: int(_number(count, 0)) for name, count in record["people"].items()}
    decoders = dict(record["decoders"])
    if (
        set(people) != set(sizes)
        or not set(decoders) <= set(model.spaces)
        or not set(decoders.values()) <= set(known)
    ):
        raise ModelFileError("its statistics do not fit the categories, spaces and encoders of its model.")
    arrivals = None
    if record.get("arrivals") is not None:
        derived = [part for part in accounts.values() if isinstance(part, DerivedStatistics)]
        arrivals = revive_new_items(
            record["arrivals"], arrays.under("arrivals"), sizes, model, known, derived
        )
    _check_routes(accounts, model, arrivals is not None and bool(arrivals.waiting))
    return ModelStatistics(accounts, encoders, decoders, people, arrivals, record.get("apart") is True)


def _check_routes(accounts: Mapping[str, RouteStatistics], model: LinearModel, waiting: bool) -> None:
    """Refuse moments that do not fit the map of their route, and derived statistics without their route.

    While routes to new items are ``waiting``, the model has none of them.
    """
    routes = {route.name: route for route in model.routes}
    for part in accounts.values():
        if isinstance(part, DerivedStatistics):
            _check_derived(part, routes, model, waiting)
        if isinstance(part, DirectionStatistics) and part.space not in model.spaces:
            raise ModelFileError(f"its statistics name the space {part.space!r:.80}, which the model lacks.")
        if not isinstance(part, MapStatistics):
            continue
        route = routes.get(part.route)
        if route is None or route.coef is None or route.coef.shape != part.moments.shape:
            raise ModelFileError(f"its statistics have moments of {part.route!r} that do not fit the model.")


def _check_derived(
    part: DerivedStatistics, routes: Mapping[str, FittedRoute], model: LinearModel, waiting: bool
) -> None:
    if (part.route in routes) == waiting or part.origin not in routes:
        raise ModelFileError(f"its statistics derive a route from {part.origin!r}, which the model lacks.")
    k = model.spaces[routes[part.origin].space].shape[1]
    out = part.W.shape[1] if waiting else model.spaces[routes[part.route].space].shape[1]
    if part.W.shape != (k, out):
        raise ModelFileError(f"its statistics derive a route from {part.origin!r} into another space.")


def _describe_map(account: MapStatistics, arrays: Arrays) -> dict[str, Any]:
    for name, value in account.moments.to_arrays().items():
        arrays.add(name, np.atleast_1d(value))
    names = ("route", "source", "target", "encoder", "decoder")
    fields = {name: getattr(account, name) for name in names}
    grid = list(account.moments.grid)
    return {"class": "MapAccount", **fields, "map": to_json("map", account.map), "grid": grid}


def _revive_map(record: dict[str, Any], arrays: Arrays, sizes: _Sizes, known: _Encoders) -> MapStatistics:
    source, target = (_category(record[name], sizes) for name in ("source", "target"))
    p, q = (width_of(known[record[name]].model) for name in ("encoder", "decoder"))
    shapes = {"n": (1,), "sum_x": (p,), "sum_y": (q,), "xx": (p, p), "xy": (p, q), "yy": (q, q)}
    stored = {name: arrays.get(name, *shape) for name, shape in shapes.items()}
    grid, rule = Grid(*record["grid"]), from_json(record["map"])
    if not isinstance(rule, LinearMap) or not all(type(a) is int and abs(a) < _FINEST for a in grid):
        raise ModelFileError(f"its statistics of {record['route']!r} are damaged.")
    moments = ExactMoments.from_stored(grid, {**stored, "n": stored["n"][0]})
    return MapStatistics(
        _name(record["route"]), source, target, record["encoder"], record["decoder"], rule, moments
    )


def _describe_pairs(account: CooccurrenceStatistics, arrays: Arrays) -> dict[str, Any]:
    for place, pairs in enumerate(account.pairs.values()):
        for name, value in pairs._replace(both=_narrow(pairs.both))._asdict().items():
            arrays.add(f"{place}/{name}", value)
    return {
        "class": "PairAccount",
        "target": account.target,
        "n_links": account.n_links,
        "shrinkage": float(account.shrinkage),
        **({} if account.min_users == 1 else {"min_users": account.min_users}),  # as older files have it
        "routes": dict(account.routes),
        "categories": list(account.pairs),
    }


def _narrow(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return counts in the narrowest integers that hold them, since most pairs have few users."""
    # of a negative number, so that the type is signed
    return counts.astype(np.min_scalar_type(-1 - int(counts.data.max(initial=0))))


def _revive_pairs(
    record: dict[str, Any], arrays: Arrays, sizes: _Sizes, known: _Encoders
) -> CooccurrenceStatistics:
    target = _category(record["target"], sizes)
    pairs = {}
    for place, name in enumerate(record["categories"]):
        n, m = sizes[_category(name, sizes)], sizes[target]
        both = sparse.csr_matrix(arrays.get(f"{place}/both", n, m))
        both = both.astype(np.promote_types(both.dtype, np.int32))  # wide again, to be added to
        of_source, of_target = arrays.get(f"{place}/here", n), arrays.get(f"{place}/there", m)
        pairs[name] = Pairs(_counts(both), _counts(of_source), _counts(of_target))
    if set(record["routes"]) != set(pairs):
        raise ModelFileError("its statistics have pairs of other categories than its routes.")
    routes = {name: _name(route) for name, route in record["routes"].items()}
    n_links, shrinkage = int(_number(record["n_links"], 1)), _number(record["shrinkage"], 0)
    min_users = int(_number(record.get("min_users", 1), 1))  # older files kept links of single users
    return CooccurrenceStatistics(target, n_links, shrinkage, routes, pairs, min_users)


def _describe_counts(account: CountStatistics, arrays: Arrays) -> dict[str, Any]:
    arrays.add("counts", account.counts)
    fields = {"route": account.route, "target": account.target, "among": list(account.among)}
    return {"class": "CountAccount", **fields, "prior": float(account.prior)}


def _describe_direction(account: DirectionStatistics, arrays: Arrays) -> dict[str, Any]:
    return {**_describe_counts(account, arrays), "class": "DirectionAccount", "space": account.space}


def _revive_counts(
    record: dict[str, Any], arrays: Arrays, sizes: _Sizes, known: _Encoders
) -> CountStatistics:
    target, *among = (_category(name, sizes) for name in (record["target"], *record["among"]))
    counts = _counts(arrays.get("counts", sizes[target]))
    return CountStatistics(_name(record["route"]), target, tuple(among), _number(record["prior"], 0), counts)


def _revive_direction(
    record: dict[str, Any], arrays: Arrays, sizes: _Sizes, known: _Encoders
) -> DirectionStatistics:
    counted = _revive_counts(record, arrays, sizes, known)
    fields = (counted.route, counted.target, counted.among, counted.prior, counted.counts)
    return DirectionStatistics(*fields, _name(record["space"]))


def _describe_recent(account: RecentCounts, arrays: Arrays) -> dict[str, Any]:
    arrays.add("recent", account.recent)
    arrays.add("counts", account.counts)
    own = {"route": account.route, "target": account.target, "share": float(account.share)}
    return {"class": "RecentAccount", **own, "prior": float(account.prior)}


def _revive_recent(record: dict[str, Any], arrays: Arrays, sizes: _Sizes, known: _Encoders) -> RecentCounts:
    target = _category(record["target"], sizes)
    stored = (arrays.get(name, sizes[target]) for name in ("recent", "counts"))
    recent, counts = (_counts(part).astype(np.int64) for part in stored)
    share, prior = (_number(record[name], 0) for name in ("share", "prior"))
    if not share:
        raise ModelFileError(f"its statistics have a half-life of 0 for {record['route']!r}.")
    return RecentCounts(_name(record["route"]), target, share, prior, recent, counts)


def _describe_regression(account: RegressionStatistics, arrays: Arrays) -> dict[str, Any]:
    arrays.add("both", _narrow(account.both))
    own = {"route": account.route, "target": account.target, "categories": list(account.sizes)}
    return {"class": "RegressionAccount", **own, "rule": account.rule._asdict()}


def _revive_regression(
    record: dict[str, Any], arrays: Arrays, sizes: _Sizes, known: _Encoders
) -> RegressionStatistics:
    own = {_category(name, sizes): sizes[name] for name in record["categories"]}
    target, given, n = _category(record["target"], own), record["rule"], sum(own.values())
    both = sparse.csr_matrix(arrays.get("both", n, n))
    both = _counts(both.astype(np.promote_types(both.dtype, np.int32)))  # wide again, to be added to
    users = both.diagonal()
    bound = np.minimum(np.repeat(users, np.diff(both.indptr)), users[both.indices])
    # of other counts the regressions might have no solution
    if (both.data > bound).any() or (both != both.T).nnz:
        raise ModelFileError(
            f"its statistics of {record['route']!r} have pairs with more users than an item."
        )
    counted = (int(_number(given[name], 1)) for name in ("n_partners", "n_targets", "min_users"))
    rule = Rule(_number(given["regularization"], 0), *counted)
    if not rule.regularization or rule.n_partners > MOST_PARTNERS:
        raise ModelFileError(
            f"its statistics have a penalty of 0, or too many partners, for {record['route']!r}."
        )
    return RegressionStatistics(_name(record["route"]), target, own, rule, both)


def _counts(values: _Counted) -> _Counted:
    """Return counts of users, or refuse values that cannot be counts."""
    # counts can be stored as floats, which are whole all the same
    numbers = cast(sparse.csr_matrix, values).data if sparse.issparse(values) else values
    if numbers.dtype.kind not in "if" or (numbers < 0).any() or (numbers != np.floor(numbers)).any():
        raise ModelFileError("its statistics have counts of users that are not whole numbers of at least 0.")
    return values


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise ModelFileError(f"its statistics name a route by a {type(value).__name__}, not by a text.")
    return value


def _number(value: object, least: float) -> float:
    # True is an int; NaN fails the comparison
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < _MOST:
        raise ModelFileError(
            f"its statistics have {value!r:.80} where a number of at least {least:g} is needed."
        )
    return value


def _category(name: str, sizes: _Sizes) -> str:
    if name not in sizes:
        raise ModelFileError(f"its statistics name the category {name!r}, which has no items.")
    return name


def _describe_derived(account: DerivedStatistics, arrays: Arrays) -> dict[str, Any]:
    arrays.add("W", account.W)
    return {"class": "CarriedAccount", "route": account.route, "origin": account.origin}


def _revive_derived(
    record: dict[str, Any], arrays: Arrays, sizes: _Sizes, known: _Encoders
) -> DerivedStatistics:
    return DerivedStatistics(_name(record["route"]), _name(record["origin"]), arrays.get("W", None, None))


_DESCRIBE: Mapping[type, Callable[[Any, Arrays], dict[str, Any]]] = {
    MapStatistics: _describe_map,
    CooccurrenceStatistics: _describe_pairs,
    CountStatistics: _describe_counts,
    RecentCounts: _describe_recent,
    RegressionStatistics: _describe_regression,
    DerivedStatistics: _describe_derived,
    DirectionStatistics: _describe_direction,
}
_REVIVE: Mapping[str, Callable[..., RouteStatistics]] = {
    "MapAccount": _revive_map,
    "PairAccount": _revive_pairs,
    "CountAccount": _revive_counts,
    "RecentAccount": _revive_recent,
    "RegressionAccount": _revive_regression,
    "CarriedAccount": _revive_derived,
    "DirectionAccount": _revive_direction,
}
