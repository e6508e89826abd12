"""The files of saved models: digests of what they hold, and how two folders are compared.

A model card is prose, and the manifest names its checksum, the version and a checksum of itself. These may
change while a model stays the same, and are left out.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from safetensors.numpy import load_file

MANIFEST, CARD = "manifest.json", "README.md"
_VARIES = ("version", "checksum")


def parts_of(folder: Path) -> dict[str, Path]:
    """Return the file of each role of a saved model, but for the manifest and the card."""
    manifest = json.loads((folder / MANIFEST).read_text("ascii"))
    return {role: folder / one["file"] for role, one in manifest["files"].items() if one["file"] != CARD}


def manifest_of(folder: Path) -> dict[str, Any]:
    """Return what a manifest says of the model itself, without sizes and checksums of files."""
    content = json.loads((folder / MANIFEST).read_text("ascii"))
    files = content.pop("files")
    kept = {name: value for name, value in content.items() if name not in _VARIES}
    return {**kept, "roles": sorted(files)}


def digests(folder: Path) -> dict[str, str]:
    """Return a SHA-256 of the manifest and of the bytes of each file."""
    text = json.dumps(manifest_of(folder)).encode()
    found = {"manifest": hashlib.sha256(text).hexdigest()}
    for role, path in parts_of(folder).items():
        found[role] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def differences(recorded: Path, found: Path, bytewise: bool = True) -> list[str]:
    """Return what differs between two saved models: in bytes, or only in what the files hold.

    Other versions of pyarrow, pandas and safetensors may write the same content in other bytes.
    """
    was, now = manifest_of(recorded), manifest_of(found)
    told = [f"the manifest differs in {name!r}" for name in was if not _holds(now.get(name), was[name])]
    told += [f"the manifest has {name!r} too" for name in now if name not in was]
    old, new = parts_of(recorded), parts_of(found)
    told += [f"{role} is missing" for role in old if role not in new]
    for role, path in old.items():
        if role in new and path.read_bytes() != new[role].read_bytes():
            inside = _content_differences(path, new[role])
            told += [f"{role}: {one}" for one in inside]
            if bytewise and not inside:
                told.append(f"{role}: the same content in other bytes")
    return told


def _holds(now: Any, was: Any) -> bool:
    """Return whether a part of a manifest says all that it said; records may have more keys."""
    if isinstance(was, dict):
        return isinstance(now, dict) and all(name in now and _holds(now[name], was[name]) for name in was)
    if isinstance(was, list):
        same = isinstance(now, list) and len(now) == len(was)
        return same and all(_holds(*pair) for pair in zip(now, was, strict=True))
    return type(now) is type(was) and now == was


def _content_differences(recorded: Path, found: Path) -> list[str]:
    was, now = _content(recorded), _content(found)
    told = [f"{name} is missing" for name in was if name not in now]
    told += [f"{name} is new" for name in now if name not in was]
    for name in was:
        if name in now and (said := _difference(was[name], now[name])):
            told.append(f"{name} {said}")
    return told


def _content(path: Path) -> dict[str, Any]:
    if path.suffix == ".safetensors":
        return dict(load_file(path))
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        return {name: table.column(name) for name in table.column_names}
    return {"bytes": path.read_bytes()}


def _difference(was: Any, now: Any) -> str:
    if isinstance(was, np.ndarray):
        if was.dtype != now.dtype or was.shape != now.shape:
            return f"was {was.dtype} {was.shape} and is {now.dtype} {now.shape}"
        if was.tobytes() == now.tobytes():
            return ""
        if was.dtype.kind not in "fiu":
            return "differs"
        largest = np.abs(was.astype(np.float64) - now.astype(np.float64)).max()
        return f"differs by {largest:.3g} at most, in {(was != now).mean():.0%} of it"
    if isinstance(was, bytes):
        return "" if was == now else "differ"
    same = was.type == now.type and str(was.to_pylist()) == str(now.to_pylist())
    return "" if same else "differs"
