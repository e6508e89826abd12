"""A folder to the state of a recommender; nothing that is not whole, and nothing that runs code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import SafetensorError
from safetensors.numpy import load_file

from tastebridge._validation import nearest
from tastebridge.data import Panel, Vocabulary, Weighting
from tastebridge.data.weighting import WeightingStatistics
from tastebridge.exceptions import ModelFileError, TastebridgeError
from tastebridge.persist.arrays import Arrays
from tastebridge.persist.ids import read_ids
from tastebridge.persist.interests import revive_interests
from tastebridge.persist.linear import revive_model
from tastebridge.persist.manifest import MANIFEST, check_file, parse
from tastebridge.persist.parameters import from_json
from tastebridge.persist.people import revive_people
from tastebridge.persist.similarity import revive_similarity
from tastebridge.persist.state import State

_BROKEN = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RecursionError,
    SafetensorError,
    TastebridgeError,
    TypeError,
    ValueError,
    pa.ArrowException,
)
"""What damaged or made-up content can raise on its way into a model."""


_REVIVE = {"LinearModel": revive_model, "ItemSimilarity": revive_similarity}


def read(path: str | Path) -> State:
    """Return the state of a saved recommender; see :func:`tastebridge.load`."""
    path = Path(path)
    content = _manifest(path)
    with broken(path):
        files = {role: check_file(path, record) for role, record in content["files"].items()}
        return _state(content, files)


@contextmanager
def broken(path: Path) -> Iterator[None]:
    """Turn whatever goes wrong with the content of a folder into one error that names it."""
    try:
        yield
    except ModelFileError as error:
        if str(path) in str(error):
            raise
        raise type(error)(f"{str(path)!r} cannot be loaded: {error}") from None
    except _BROKEN as error:
        raise ModelFileError(
            f"{str(path)!r} cannot be loaded: its parts do not make a model "
            f"({type(error).__name__}: {_first_line(error)})."
        ) from error


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:200]


def _manifest(path: Path) -> dict[str, Any]:
    if not path.exists():
        around = [part.name for part in path.parent.iterdir()] if path.parent.is_dir() else []
        raise ModelFileError(f"there is no model {str(path)!r}.{nearest(path.name, around)}")
    if not path.is_dir():
        raise ModelFileError(f"{str(path)!r} is a file; a saved model is a folder.")
    try:
        text = (path / MANIFEST).read_bytes()
    except OSError:
        raise ModelFileError(f"{str(path)!r} is not a saved model: it has no readable {MANIFEST}.") from None
    return parse(text, path)


def _state(content: dict[str, Any], files: dict[str, Path]) -> State:
    arrays = Arrays(load_file(files["arrays"]))
    items, names = _items(content["categories"], files)
    sizes = {name: len(vocabulary) for name, vocabulary in items.items()}
    weighting = from_json(content["weighting"])
    if not isinstance(weighting, Weighting):
        raise ModelFileError(f"its weighting is a {type(weighting).__name__}, not a Weighting.")
    return State(
        kind=content["class"],
        parameters={name: from_json(value) for name, value in content["parameters"].items()},
        model=_REVIVE[content["model"]["class"]](content["model"], arrays, sizes),
        weighting=weighting,
        items=items,
        statistics=_statistics(content["categories"], arrays, sizes),
        item_names=names or None,
        tables={name: _table(files[name.rstrip("_")]) for name in content["tables"]},
        interests=_interests(content.get("interests"), arrays, sizes),
        panel=_people(content["people"], files, items, names),
    )


def _items(
    records: list[dict[str, Any]], files: dict[str, Path]
) -> tuple[dict[str, Vocabulary], dict[str, pd.Series]]:
    found = {
        record["name"]: read_ids(files[f"items-{place}"], "item_id") for place, record in enumerate(records)
    }
    names = {name: names for name, (_, names) in found.items() if names is not None}
    return {name: items for name, (items, _) in found.items()}, names


def _statistics(
    records: list[dict[str, Any]], arrays: Arrays, sizes: dict[str, int]
) -> dict[str, WeightingStatistics]:
    return {
        record["name"]: WeightingStatistics(
            idf=arrays.get(f"statistics/{place}/idf", sizes[record["name"]]),
            length=float(record["length"]),
            mean=float(record["mean"]),
            item_bias=arrays.get(f"statistics/{place}/item_bias", sizes[record["name"]]),
            now=None if record["now"] is None else float(record["now"]),
        )
        for place, record in enumerate(records)
    }


def _interests(names: list[str] | None, arrays: Arrays, sizes: dict[str, int]) -> dict[str, Any] | None:
    return None if names is None else revive_interests(names, arrays, sizes)


def _table(path: Path) -> pd.DataFrame:
    return pq.ParquetFile(path).read().to_pandas()


def _people(
    record: dict[str, Any] | None,
    files: dict[str, Path],
    items: dict[str, Vocabulary],
    names: dict[str, pd.Series],
) -> Panel | None:
    if record is None:
        return None
    users, _ = read_ids(files["people"], "user_id")
    return revive_people(record, Arrays(load_file(files["histories"])), users, items, names or None)
