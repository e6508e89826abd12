"""A fitted recommender to a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import save_file

from tastebridge._version import __version__
from tastebridge.exceptions import InvalidDataError, ModelFileError
from tastebridge.model import LinearModel
from tastebridge.persist.arrays import Arrays
from tastebridge.persist.folder import check_free, publish, scratch
from tastebridge.persist.ids import write_ids
from tastebridge.persist.interests import describe_interests
from tastebridge.persist.linear import describe_model
from tastebridge.persist.manifest import FORMAT, MANIFEST, PACKAGE, describe_file, render
from tastebridge.persist.parameters import to_json
from tastebridge.persist.people import describe_people
from tastebridge.persist.similarity import describe_similarity
from tastebridge.persist.state import State

Files = dict[str, dict[str, Any]]


def save(recommender: Any, path: str | Path, with_users: bool = False) -> None:
    """Write a fitted recommender; see :meth:`tastebridge.recommender.Recommender.save`."""
    state = State.of(recommender)
    if with_users and state.panel is None:
        raise InvalidDataError(
            f"this {state.kind} was loaded without people, so they cannot be saved. Save it without "
            "with_users, or fit it again."
        )
    try:
        path = check_free(path)
        with scratch(path) as folder:
            (folder / MANIFEST).write_text(render(_write(folder, state, with_users)), "ascii")
            _sync(folder)
            publish(folder, path)
    except OSError as error:
        raise ModelFileError(f"{str(path)!r} cannot be written: {error.strerror or error}.") from None


def _write(folder: Path, state: State, with_users: bool) -> dict[str, Any]:
    """Write all files but the manifest and return what it holds."""
    arrays, files = Arrays(), Files()
    content = {
        "package": PACKAGE,
        "format": FORMAT,
        "version": __version__,
        "class": state.kind,
        "parameters": {name: to_json(name, value) for name, value in state.parameters.items()},
        "weighting": to_json("weighting", state.weighting),
        "categories": _write_items(folder, state, arrays, files),
        "model": _describe(state.model, arrays),
        "tables": [_write_table(folder, name, table, files) for name, table in state.tables.items()],
        "interests": None if state.interests is None else describe_interests(state.interests, arrays),
        "people": None,
    }
    if with_users and state.panel is not None:
        content["people"] = _write_people(folder, state.panel, files)
    _write_arrays(folder, "arrays", arrays, files)
    return {**content, "files": files}


def _describe(model: Any, arrays: Arrays) -> dict[str, Any]:
    describe = describe_model if isinstance(model, LinearModel) else describe_similarity
    return describe(model, arrays)


def _write_items(folder: Path, state: State, arrays: Arrays, files: Files) -> list[dict[str, Any]]:
    """Write the items of every category and what weighting knows of them."""
    records = []
    for place, (name, items) in enumerate(state.items.items()):
        known = state.statistics[name]
        arrays.add(f"statistics/{place}/idf", known.idf)
        arrays.add(f"statistics/{place}/item_bias", known.item_bias)
        role = f"items-{place}"
        names = None if state.item_names is None else state.item_names.get(name)
        write_ids(folder / role, items, names)
        _seal(folder / role, role, ".parquet", files)
        records.append({"name": name, "length": known.length, "mean": known.mean, "now": known.now})
    return records


def _write_table(folder: Path, name: str, table: pd.DataFrame, files: Files) -> str:
    role = name.rstrip("_")
    pq.write_table(pa.Table.from_pandas(table, preserve_index=False), folder / role)
    _seal(folder / role, role, ".parquet", files)
    return name


def _write_people(folder: Path, panel: Any, files: Files) -> dict[str, Any]:
    histories = Arrays()
    record = describe_people(panel, histories)
    write_ids(folder / "people", panel.users)
    _seal(folder / "people", "people", ".parquet", files)
    _write_arrays(folder, "histories", histories, files)
    return record


def _write_arrays(folder: Path, role: str, arrays: Arrays, files: Files) -> None:
    save_file(arrays.stored, folder / role)
    _seal(folder / role, role, ".safetensors", files)


def _seal(path: Path, role: str, ending: str, files: Files) -> None:
    """Name a written file by its role and checksum, and note it for the manifest."""
    record = describe_file(path)
    record["file"] = f"{role}-{record['sha256'][:12]}{ending}"
    path.replace(path.with_name(record["file"]))
    files[role] = record


def _sync(folder: Path) -> None:
    """Bring all files to the disk before they are put in place."""
    for part in folder.iterdir():
        with part.open("rb") as file:
            os.fsync(file.fileno())
