"""The linear model as a record and arrays, and back; parts that do not fit together are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tastebridge._numerics.packing import STORAGES
from tastebridge.exceptions import ModelFileError
from tastebridge.model import LinearModel, Segment
from tastebridge.persist.arrays import Arrays
from tastebridge.persist.estimators import (
    describe_blend,
    describe_factors,
    revive_blend,
    revive_factors,
)
from tastebridge.routes import Encoder, FittedRoute, RouteKind, width_of
from tastebridge.routes.links import LinearEncoder

_SEGMENTS = ("cold", "warm", "empty")
_WIDEST = 1 << 16
"""Columns that links may have however few items there are, since some lead to features."""


def describe_model(model: LinearModel, arrays: Arrays) -> dict[str, Any]:
    """Store the arrays of a model and return its record."""
    arrays = arrays.packed(model.storage)
    levels = {"levels": dict(model.levels)} if model.levels else {}  # older files have none
    return {
        "class": "LinearModel",
        "target": model.target,
        "storage": model.storage,
        **levels,
        "encoders": [
            describe_encoder(place, key, encoder, arrays)
            for place, (key, encoder) in enumerate(model.encoders.items())
        ],
        "routes": [_describe_route(place, route, arrays) for place, route in enumerate(model.routes)],
        "spaces": [
            _describe_space(place, *space, arrays) for place, space in enumerate(model.spaces.items())
        ],
        "segments": {name: describe_segment(name, part, arrays) for name, part in model.segments.items()},
    }


def stored_bytes(model: LinearModel) -> int:
    """Return the bytes that the arrays of a model take in a file."""
    arrays = Arrays()
    describe_model(model, arrays)
    return sum(part.nbytes for part in arrays.stored.values())


def revive_model(record: dict[str, Any], arrays: Arrays, sizes: Mapping[str, int]) -> LinearModel:
    """Return the model of a record; ``sizes`` are the numbers of items of the categories."""
    if record["target"] not in sizes:
        raise ModelFileError(f"its target {record['target']!r} has no items.")
    encoders = {
        part["key"]: revive_encoder(place, part, arrays, sizes)
        for place, part in enumerate(record["encoders"])
    }
    n_items = sizes[record["target"]]
    spaces = {
        part["key"]: arrays.get(f"spaces/{place}", n_items, None)
        for place, part in enumerate(record["spaces"])
    }
    routes = tuple(_revive_route(place, part, arrays) for place, part in enumerate(record["routes"]))
    if not {"cold", "warm"} <= set(record["segments"]) <= set(_SEGMENTS):
        raise ModelFileError(f"it has the segments {sorted(record['segments'])}, not {_SEGMENTS}.")
    segments = {
        name: revive_segment(name, part, arrays, len(routes)) for name, part in record["segments"].items()
    }
    storage = record.get("storage", "exact")  # files from before compression do not say
    if storage not in STORAGES:
        raise ModelFileError(f"it is stored as {storage!r}, which is none of {STORAGES}.")
    model = LinearModel(record["target"], encoders, routes, spaces, segments, storage, _revive_levels(record))
    for route in routes:
        _check_route(route, model, sizes)
    return model


def _revive_levels(record: dict[str, Any]) -> dict[str, float]:
    """Return the levels of a record; an older record has none. Numbers that no fit gives are refused."""
    levels = {name: float(level) for name, level in record.get("levels", {}).items()}
    if levels and not (set(levels) == set(record["segments"]) and np.isfinite(list(levels.values())).all()):
        raise ModelFileError("its levels are not one number for each of its segments.")
    return levels


def describe_encoder(place: int, key: str, encoder: Encoder, arrays: Arrays) -> dict[str, Any]:
    """Store an encoder and return its record."""
    model = describe_factors(f"encoders/{place}", encoder.model, arrays)
    return {"key": key, "categories": list(encoder.categories), "model": model}


def revive_encoder(place: int, record: dict[str, Any], arrays: Arrays, sizes: Mapping[str, int]) -> Encoder:
    """Return the encoder of a record."""
    categories = tuple(record["categories"])
    n_items = sum(sizes[name] for name in categories)
    model = revive_factors(f"encoders/{place}", record["model"], arrays, n_items)
    if isinstance(model, LinearEncoder) and width_of(model) > max(_WIDEST, sum(sizes.values())):
        raise ModelFileError(
            f"its links lead to {width_of(model):,} columns, more than the items and features of a model."
        )
    return Encoder(categories, model)


def _describe_route(place: int, route: FittedRoute, arrays: Arrays) -> dict[str, Any]:
    learned = {"coef": route.coef, "intercept": route.intercept}
    for name, value in learned.items():
        if value is not None:
            arrays.add(f"routes/{place}/{name}", value)
    parts = [name for name, value in learned.items() if value is not None]
    return {
        "name": route.name,
        "sources": list(route.sources),
        "encoder": route.encoder,
        "space": route.space,
        "bridge": route.bridge,
        "kind": route.kind.value,
        "learned": parts,
    }


def _revive_route(place: int, record: dict[str, Any], arrays: Arrays) -> FittedRoute:
    axes = {"coef": (None, None), "intercept": (None,)}
    learned = {
        name: arrays.get(f"routes/{place}/{name}", *shape) if name in record["learned"] else None
        for name, shape in axes.items()
    }
    return FittedRoute(
        name=record["name"],
        sources=tuple(record["sources"]),
        encoder=record["encoder"],
        space=record["space"],
        bridge=record.get("bridge", "users"),
        kind=RouteKind(record["kind"]) if "kind" in record else _kind_in_older_files(record["name"]),
        coef=learned["coef"],
        intercept=learned["intercept"],
    )


def _kind_in_older_files(name: str) -> RouteKind:
    """Return the kind of a route from its name, for files written before kinds were.

    Only popularity, neighbours and new items matter once the weights are learned.
    """
    if name.endswith("⇢ new items"):
        return RouteKind.NEW_ITEMS
    if name.endswith("→ neighbours"):
        return RouteKind.NEIGHBOURS
    # the names are those in the files, whatever the routes are called today
    if name == "popularity among linked people":
        return RouteKind.LINKED_POPULARITY
    return RouteKind.POPULARITY if name == "popularity" else RouteKind.OTHER


def _describe_space(place: int, key: str, V: NDArray[Any], arrays: Arrays) -> dict[str, Any]:
    arrays.add(f"spaces/{place}", V)
    return {"key": key}


def describe_segment(name: str, segment: Segment, arrays: Arrays) -> dict[str, Any]:
    """Store the weights for one segment of users and return their record."""
    arrays.add(f"segments/{name}/kept", segment.kept)
    return describe_blend(f"segments/{name}", segment.blend, arrays)


def revive_segment(name: str, record: dict[str, Any], arrays: Arrays, n_routes: int) -> Segment:
    """Return the weights of a record, over ``n_routes`` routes."""
    blend = revive_blend(f"segments/{name}", record, arrays, n_routes)
    return Segment(blend, arrays.get(f"segments/{name}/kept", n_routes).astype(bool))


def _check_route(route: FittedRoute, model: LinearModel, sizes: Mapping[str, int]) -> None:
    """Refuse a route whose categories, encoder, map and space do not fit together."""
    if not isinstance(route.name, str):
        raise ModelFileError(f"its route has the name {route.name!r}, which is not text.")
    unknown = set(route.sources) - set(sizes)
    if unknown or route.encoder not in model.encoders or route.space not in model.spaces:
        raise ModelFileError(f"its route {route.name!r} uses a category, encoder or space that is missing.")
    encoded, out = width_of(model.encoders[route.encoder].model), model.spaces[route.space].shape[1]
    before, after = (encoded, encoded) if route.coef is None else route.coef.shape
    # a map may use the first factors of a wider encoder, and a space may have more columns than a map fills
    if before > encoded or after > out or (route.intercept is not None and len(route.intercept) != after):
        raise ModelFileError(
            f"its route {route.name!r} does not fit together: {encoded} factors, a map of {before} to "
            f"{after}, a space of {out}."
        )
