"""The maps from features to vectors of new items, to a record and arrays, and back; misfits are refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tastebridge.exceptions import ModelFileError
from tastebridge.model import LinearModel
from tastebridge.online.new_items import Arrivals, Kind
from tastebridge.persist.arrays import Arrays
from tastebridge.persist.estimators import check_numbers
from tastebridge.persist.feature_encoders import describe_feature_encoder, revive_feature_encoder
from tastebridge.persist.linear import describe_segment, revive_segment
from tastebridge.routes import NEW_ITEMS, Encoder, width_of
from tastebridge.routes.derived import DerivedStatistics
from tastebridge.routes.profiles import ProfileEncoder
from tastebridge.routes.reader import Affine, Reader, Reading


def describe_new_items(arrivals: Arrivals, arrays: Arrays) -> dict[str, Any]:
    """Store the arrays and return the record; maps that readings share are stored once."""
    maps: dict[int, int] = {}  # by id(): readings share the very same map objects
    readings = []
    for place, (key, (category, reader, usual)) in enumerate(arrivals.readings.items()):
        for affine in reader.kinds.values():
            if id(affine) not in maps:
                maps[id(affine)] = len(maps)
                for name, value in affine._asdict().items():
                    arrays.add(f"maps/{maps[id(affine)]}/{name}", value)
        learned = {"together": reader.together, "usual": usual}
        for name, array in learned.items():
            if array is not None:
                arrays.add(f"readings/{place}/{name}", array)
        kinds = [[name, maps[id(affine)]] for name, affine in reader.kinds.items()]
        parts = [name for name, array in learned.items() if array is not None]
        readings.append({"key": key, "category": category, "kinds": kinds, "learned": parts})
    for place, items in enumerate(arrivals.untaken.values()):
        arrays.add(f"untaken/{place}", items)
    named = [(category, *pair) for category, kinds in arrivals.kinds.items() for pair in kinds.items()]
    return {
        "kinds": [
            {
                **kind._asdict(),
                "category": category,
                "name": name,
                "encoder": describe_feature_encoder(kind.encoder, arrays.under(f"cells/{place}")),
            }
            for place, (category, name, kind) in enumerate(named)
        ],
        "readings": readings,
        "untaken": list(arrivals.untaken),
        "waiting": {
            name: describe_segment(name, segment, arrays) for name, segment in arrivals.waiting.items()
        },
    }


def revive_new_items(
    record: Mapping[str, Any],
    arrays: Arrays,
    sizes: Mapping[str, int],
    model: LinearModel,
    encoders: Mapping[str, Encoder],
    derived: Sequence[DerivedStatistics],
) -> Arrivals:
    """Return the maps and encoders for new items from their record.

    Parameters
    ----------
    record : mapping
    arrays : Arrays
    sizes : mapping of category to int
        The numbers of items.
    model : LinearModel
    encoders : mapping of key to Encoder
        All encoders of the model and of its statistics.
    derived : sequence of DerivedStatistics
        The derived ones among the statistics of the model.
    """
    kinds: dict[str, dict[str, Kind]] = {}
    for place, part in enumerate(record["kinds"]):
        kind = _revive_kind(part, sizes, arrays.under(f"cells/{place}"))
        kinds.setdefault(part["category"], {})[part["name"]] = kind
    readings, shared = {}, dict[int, Affine]()
    for place, part in enumerate(record["readings"]):
        reading = _revive_reading(place, part, arrays, kinds[part["category"]], shared)
        if reading.reader.width not in _widths(part["key"], reading.category, model, encoders, derived):
            raise ModelFileError(f"its maps of features do not fit the vectors of {part['key']!r}.")
        readings[part["key"]] = reading
    untaken = {}
    for place, name in enumerate(record["untaken"]):
        untaken[name] = arrays.get(f"untaken/{place}", None)
        check_numbers(untaken[name], sizes[name])
    n_routes = len(model.routes) + len(derived)
    waiting = {name: revive_segment(name, part, arrays, n_routes) for name, part in record["waiting"].items()}
    if set(untaken) != set(sizes) or (waiting and set(waiting) != set(model.segments)):
        raise ModelFileError("its records of new items do not fit its categories and segments.")
    # the weights wait only until the first new item adds the route and its space to the model
    if waiting and (NEW_ITEMS in model.spaces or NEW_ITEMS not in readings):
        raise ModelFileError("its weights for routes to new items do not fit the routes of its model.")
    return Arrivals(kinds, readings, untaken, waiting)


def _revive_kind(record: Mapping[str, Any], sizes: Mapping[str, int], arrays: Arrays) -> Kind:
    n, columns = record["n_features"], record["columns"]
    named = columns is None or (isinstance(columns, list) and len(columns) == n)
    if record["category"] not in sizes or type(n) is not int or type(record["thin"]) is not bool or not named:
        raise ModelFileError(f"its record of the features {record['name']!r} is damaged.")
    columns = None if columns is None else tuple(columns)
    return Kind(n, columns, record["thin"], revive_feature_encoder(record.get("encoder"), columns, arrays))


def _revive_reading(
    place: int,
    record: Mapping[str, Any],
    arrays: Arrays,
    kinds: Mapping[str, Kind],
    shared: dict[int, Affine],
) -> Reading:
    """Return a reading; maps shared with other readings are the same objects again."""
    maps = {}
    for name, number in record["kinds"]:
        M = arrays.get(f"maps/{number}/M", kinds[name].n_features, None)
        maps[name] = shared.setdefault(number, Affine(M, arrays.get(f"maps/{number}/c", M.shape[1])))
    reader, learned = Reader(maps), arrays.under(f"readings/{place}")
    if "together" in record["learned"]:
        reader = Reader(maps, learned.get("together", reader.width, None))
    usual = learned.get("usual", reader.width) if "usual" in record["learned"] else None
    return Reading(record["category"], reader, usual)


def _widths(
    key: str,
    category: str,
    model: LinearModel,
    encoders: Mapping[str, Encoder],
    derived: Sequence[DerivedStatistics],
) -> set[int]:
    """Return the widths that vectors of a key may have; the empty set if the model has no use for them."""
    if key in encoders:
        encoder = encoders[key]
        fits = isinstance(encoder.model, ProfileEncoder) and encoder.categories == (category,)
        return {width_of(encoder.model)} if fits else set()
    if category != model.target:
        return set()
    if key == NEW_ITEMS:
        return {part.W.shape[1] - 1 for part in derived}  # W has a column more, for the constant
    return {model.spaces[key].shape[1]} if key in model.spaces else set()
