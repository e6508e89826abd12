"""The ledger of a model to a record and arrays, and back; what does not fit the model is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import sparse

from tastebridge.exceptions import ModelFileError
from tastebridge.maps._base import LinearMap
from tastebridge.model import LinearModel
from tastebridge.online.statistics import ModelStatistics
from tastebridge.persist.arrays import Arrays
from tastebridge.persist.linear import describe_encoder, revive_encoder
from tastebridge.persist.new_items import describe_arrivals, revive_arrivals
from tastebridge.persist.parameters import from_json, to_json
from tastebridge.routes import Encoder, FittedRoute, RouteStatistics, width_of
from tastebridge.routes.counted import CountStatistics
from tastebridge.routes.derived import DerivedStatistics
from tastebridge.routes.exact import ExactMoments, Grid
from tastebridge.routes.mapped import MapStatistics
from tastebridge.routes.paired import CooccurrenceStatistics, Pairs

_Sizes = Mapping[str, int]
_Encoders = Mapping[str, Encoder]
_FINEST, _MOST = 500, 2.0**53
"""What the exponent of a grid stays below, so that squares of its unit are numbers, and any other number."""


def describe_ledger(ledger: ModelStatistics, arrays: Arrays) -> dict[str, Any]:
    """Store the arrays of a ledger and return its record."""
    arrivals = ledger.arrivals
    return {
        "accounts": [
            {"key": key, **_DESCRIBE[type(part)](part, arrays.under(f"accounts/{place}"))}
            for place, (key, part) in enumerate(ledger.accounts.items())
        ],
        "encoders": [
            describe_encoder(place, key, encoder, arrays)
            for place, (key, encoder) in enumerate(ledger.encoders.items())
        ],
        "decoders": dict(ledger.decoders),
        "people": dict(ledger.people),
        "arrivals": None if arrivals is None else describe_arrivals(arrivals, arrays.under("arrivals")),
    }


def revive_ledger(
    record: dict[str, Any], arrays: Arrays, sizes: _Sizes, model: LinearModel
) -> ModelStatistics:
    """Return the ledger of a record, which must be that of the model."""
    encoders = {
        part["key"]: revive_encoder(place, part, arrays, sizes)
        for place, part in enumerate(record["encoders"])
    }
    known = {**encoders, **model.encoders}
    accounts = {}
    for place, part in enumerate(record["accounts"]):
        if part["class"] not in _REVIVE:
            raise ModelFileError(f"its ledger names the account {part['class']!r}, which it cannot hold.")
        revive = _REVIVE[part["class"]]
        accounts[_name(part["key"])] = revive(part, arrays.under(f"accounts/{place}"), sizes, known)
    people = {name: int(_number(count, 0)) for name, count in record["people"].items()}
    decoders = dict(record["decoders"])
    if (
        set(people) != set(sizes)
        or not set(decoders) <= set(model.spaces)
        or not set(decoders.values()) <= set(known)
    ):
        raise ModelFileError("its ledger is not the one of its model.")
    arrivals = None
    if record.get("arrivals") is not None:
        carried = [part for part in accounts.values() if isinstance(part, DerivedStatistics)]
        own = arrays.under("arrivals")
        arrivals = revive_arrivals(record["arrivals"], own, sizes, model, known, carried)
    _check_routes(accounts, model, arrivals is not None and bool(arrivals.waiting))
    return ModelStatistics(accounts, encoders, decoders, people, arrivals)


def _check_routes(accounts: Mapping[str, RouteStatistics], model: LinearModel, waiting: bool) -> None:
    """Refuse moments that do not fit the map of their route, and what does not fit the route it carries.

    While routes to new items are ``waiting`` the model has none of them.
    """
    routes = {route.name: route for route in model.routes}
    for part in accounts.values():
        if isinstance(part, DerivedStatistics):
            _check_carried(part, routes, model, waiting)
        if not isinstance(part, MapStatistics):
            continue
        route = routes.get(part.route)
        if route is None or route.coef is None or route.coef.shape != part.moments.shape:
            raise ModelFileError(f"its ledger has moments of {part.route!r} that do not fit the model.")


def _check_carried(
    part: DerivedStatistics, routes: Mapping[str, FittedRoute], model: LinearModel, waiting: bool
) -> None:
    if (part.route in routes) == waiting or part.origin not in routes:
        raise ModelFileError(f"its ledger carries over a route {part.origin!r} the model does not have.")
    k = model.spaces[routes[part.origin].space].shape[1]
    out = part.W.shape[1] if waiting else model.spaces[routes[part.route].space].shape[1]
    if part.W.shape != (k, out):
        raise ModelFileError(f"its ledger carries over the route {part.origin!r} to another space.")


def _describe_map(account: MapStatistics, arrays: Arrays) -> dict[str, Any]:
    for name, value in account.moments.to_arrays().items():
        arrays.add(name, np.atleast_1d(value))
    names = ("route", "source", "target", "encoder", "decoder")
    own = {name: getattr(account, name) for name in names}
    grid = list(account.moments.grid)
    return {"class": "MapAccount", **own, "map": to_json("map", account.map), "grid": grid}


def _revive_map(record: dict[str, Any], arrays: Arrays, sizes: _Sizes, known: _Encoders) -> MapStatistics:
    source, target = (_category(record[name], sizes) for name in ("source", "target"))
    p, q = (width_of(known[record[name]].model) for name in ("encoder", "decoder"))
    shapes = {"n": (1,), "sum_x": (p,), "sum_y": (q,), "xx": (p, p), "xy": (p, q), "yy": (q, q)}
    stored = {name: arrays.get(name, *shape) for name, shape in shapes.items()}
    grid, rule = Grid(*record["grid"]), from_json(record["map"])
    if not isinstance(rule, LinearMap) or not all(type(a) is int and abs(a) < _FINEST for a in grid):
        raise ModelFileError(f"its ledger has a broken account of {record['route']!r}.")
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
    """Return counts in the narrowest whole numbers that hold them: hardly any pair was taken by many."""
    return counts.astype(np.min_scalar_type(-1 - int(counts.data.max(initial=0))))


def _revive_pairs(
    record: dict[str, Any], arrays: Arrays, sizes: _Sizes, known: _Encoders
) -> CooccurrenceStatistics:
    target = _category(record["target"], sizes)
    pairs = {}
    for place, name in enumerate(record["categories"]):
        n, m = sizes[_category(name, sizes)], sizes[target]
        both = sparse.csr_matrix(arrays.get(f"{place}/both", n, m))
        both = both.astype(np.promote_types(both.dtype, np.int32))
        here, there = arrays.get(f"{place}/here", n), arrays.get(f"{place}/there", m)
        pairs[name] = Pairs(_counts(both), _counts(here), _counts(there))
    if set(record["routes"]) != set(pairs):
        raise ModelFileError("its ledger has pairs of other categories than its routes.")
    routes = {name: _name(route) for name, route in record["routes"].items()}
    n_links, shrinkage = int(_number(record["n_links"], 1)), _number(record["shrinkage"], 0)
    min_users = int(_number(record.get("min_users", 1), 1))  # older files kept links of single users
    return CooccurrenceStatistics(target, n_links, shrinkage, routes, pairs, min_users)


def _describe_counts(account: CountStatistics, arrays: Arrays) -> dict[str, Any]:
    arrays.add("counts", account.counts)
    own = {"route": account.route, "target": account.target, "among": list(account.among)}
    return {"class": "CountAccount", **own, "prior": float(account.prior)}


def _revive_counts(
    record: dict[str, Any], arrays: Arrays, sizes: _Sizes, known: _Encoders
) -> CountStatistics:
    target, *among = (_category(name, sizes) for name in (record["target"], *record["among"]))
    counts = _counts(arrays.get("counts", sizes[target]))
    return CountStatistics(_name(record["route"]), target, tuple(among), _number(record["prior"], 0), counts)


def _counts(values: Any) -> Any:
    """Return what counts users, if it can."""
    numbers = values.data if sparse.issparse(values) else values
    if numbers.dtype.kind not in "if" or (numbers < 0).any() or (numbers != np.floor(numbers)).any():
        raise ModelFileError("its ledger has counts of users that are not whole numbers of at least 0.")
    return values


def _name(value: Any) -> str:
    if not isinstance(value, str):
        raise ModelFileError(f"its ledger names a route or account by a {type(value).__name__}.")
    return value


def _number(value: Any, least: float) -> float:
    if type(value) not in (int, float) or not least <= value < _MOST:
        raise ModelFileError(f"its ledger has a number of at least {least:g} that is another thing.")
    return value


def _category(name: str, sizes: _Sizes) -> str:
    if name not in sizes:
        raise ModelFileError(f"its ledger names the category {name!r}, which has no items.")
    return name


def _describe_carried(account: DerivedStatistics, arrays: Arrays) -> dict[str, Any]:
    arrays.add("W", account.W)
    return {"class": "CarriedAccount", "route": account.route, "origin": account.origin}


def _revive_carried(
    record: dict[str, Any], arrays: Arrays, sizes: _Sizes, known: _Encoders
) -> DerivedStatistics:
    return DerivedStatistics(_name(record["route"]), _name(record["origin"]), arrays.get("W", None, None))


_DESCRIBE: Mapping[type, Callable[[Any, Arrays], dict[str, Any]]] = {
    MapStatistics: _describe_map,
    CooccurrenceStatistics: _describe_pairs,
    CountStatistics: _describe_counts,
    DerivedStatistics: _describe_carried,
}
_REVIVE: Mapping[str, Callable[..., RouteStatistics]] = {
    "MapAccount": _revive_map,
    "PairAccount": _revive_pairs,
    "CountAccount": _revive_counts,
    "CarriedAccount": _revive_carried,
}
