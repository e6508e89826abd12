"""What new items need that come with features, to a record and arrays, and back; misfits are refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tastebridge.exceptions import ModelFileError
from tastebridge.model import LinearModel
from tastebridge.online.new_items import Arrivals, Kind
from tastebridge.persist.arrays import Arrays
from tastebridge.persist.estimators import check_numbers
from tastebridge.persist.feature_encoders import describe_cells, revive_cells
from tastebridge.persist.linear import describe_segment, revive_segment
from tastebridge.routes import NEW_ITEMS, Encoder, width_of
from tastebridge.routes.derived import DerivedStatistics
from tastebridge.routes.profiles import ProfileEncoder
from tastebridge.routes.reader import Affine, Reader, Reading


def describe_arrivals(arrivals: Arrivals, arrays: Arrays) -> dict[str, Any]:
    """Store the arrays and return the record; maps that readings share are stored once."""
    maps: dict[int, int] = {}
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
                "encoder": describe_cells(kind.encoder, arrays.under(f"cells/{place}")),
            }
            for place, (category, name, kind) in enumerate(named)
        ],
        "readings": readings,
        "untaken": list(arrivals.untaken),
        "waiting": {
            name: describe_segment(name, segment, arrays) for name, segment in arrivals.waiting.items()
        },
    }


def revive_arrivals(
    record: Mapping[str, Any],
    arrays: Arrays,
    sizes: Mapping[str, int],
    model: LinearModel,
    encoders: Mapping[str, Encoder],
    carried: Sequence[DerivedStatistics],
) -> Arrivals:
    """Return what was described.

    Parameters
    ----------
    record : mapping
    arrays : Arrays
    sizes : mapping of category to int
        The numbers of items.
    model : LinearModel
    encoders : mapping of key to Encoder
        Those of the model and the ledger.
    carried : sequence of DerivedStatistics
        Those of the ledger.
    """
    kinds: dict[str, dict[str, Kind]] = {}
    for place, part in enumerate(record["kinds"]):
        kind = _revive_kind(part, sizes, arrays.under(f"cells/{place}"))
        kinds.setdefault(part["category"], {})[part["name"]] = kind
    readings, shared = {}, dict[int, Affine]()
    for place, part in enumerate(record["readings"]):
        reading = _revive_reading(place, part, arrays, kinds[part["category"]], shared)
        if reading.reader.width not in _widths(part["key"], reading.category, model, encoders, carried):
            raise ModelFileError(f"its features do not fit {part['key']!r}.")
        readings[part["key"]] = reading
    untaken = {}
    for place, name in enumerate(record["untaken"]):
        untaken[name] = arrays.get(f"untaken/{place}", None)
        check_numbers(untaken[name], sizes[name])
    n_routes = len(model.routes) + len(carried)
    waiting = {name: revive_segment(name, part, arrays, n_routes) for name, part in record["waiting"].items()}
    if set(untaken) != set(sizes) or (waiting and set(waiting) != set(model.segments)):
        raise ModelFileError("what it knows of new items is not of its model.")
    if waiting and (NEW_ITEMS in model.spaces or NEW_ITEMS not in readings):
        raise ModelFileError("its weights of routes to new items wait for none.")
    return Arrivals(kinds, readings, untaken, waiting)


def _revive_kind(record: Mapping[str, Any], sizes: Mapping[str, int], arrays: Arrays) -> Kind:
    n, columns = record["n_features"], record["columns"]
    named = columns is None or (isinstance(columns, list) and len(columns) == n)
    if record["category"] not in sizes or type(n) is not int or type(record["thin"]) is not bool or not named:
        raise ModelFileError(f"its account of the features {record['name']!r} is broken.")
    columns = None if columns is None else tuple(columns)
    return Kind(n, columns, record["thin"], revive_cells(record.get("encoder"), columns, arrays))


def _revive_reading(
    place: int,
    record: Mapping[str, Any],
    arrays: Arrays,
    kinds: Mapping[str, Kind],
    shared: dict[int, Affine],
) -> Reading:
    """Return a reading; maps that other readings have too are the same objects again, and saved once."""
    maps = {}
    for name, number in record["kinds"]:
        M = arrays.get(f"maps/{number}/M", kinds[name].n_features, None)
        maps[name] = shared.setdefault(number, Affine(M, arrays.get(f"maps/{number}/c", M.shape[1])))
    reader, own = Reader(maps), arrays.under(f"readings/{place}")
    if "together" in record["learned"]:
        reader = Reader(maps, own.get("together", reader.width, None))
    usual = own.get("usual", reader.width) if "usual" in record["learned"] else None
    return Reading(record["category"], reader, usual)


def _widths(
    key: str,
    category: str,
    model: LinearModel,
    encoders: Mapping[str, Encoder],
    carried: Sequence[DerivedStatistics],
) -> set[int]:
    """Return how wide the vectors of a key may be; nothing where there is no place for them."""
    if key in encoders:
        encoder = encoders[key]
        fits = isinstance(encoder.model, ProfileEncoder) and encoder.categories == (category,)
        return {width_of(encoder.model)} if fits else set()
    if category != model.target:
        return set()
    if key == NEW_ITEMS:
        return {part.W.shape[1] - 1 for part in carried}
    return {model.spaces[key].shape[1]} if key in model.spaces else set()
