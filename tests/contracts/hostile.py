"""Model folders that somebody changed and signed again; run as a script, it loads many of them.

``python hostile.py FOLDER SEED COUNT`` prints, as JSON, how many loaded and how many were refused, and the
mutations that ended in anything else. The memory of the process is bounded by the system.
"""

import copy
import io
import json
import random
import resource
import shutil
import sys
import tempfile
import traceback
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import load as read_arrays
from safetensors.numpy import save as arrays_as_bytes

import tastebridge as tb
from tastebridge.batch.memory import release
from tastebridge.exceptions import ModelFileError, TastebridgeError
from tastebridge.persist.manifest import MANIFEST, describe_file, parse, render

MEMORY = 3 << 30
VALUES = [
    None, True, False, 0, 1, -1, 2, 10**6, 10**12, 2**63, -(2**63), 10**400, 0.5, 1e308, -0.0, "", "x",
    "films", "../x", "a" * 5000, "\x00", [], {}, [[]], ["films"], [0], {"class": "dict", "pairs": [[[], []]]},
    {"class": "Weighting", "parameters": {}}, {"class": "SVDFactors", "parameters": {"n_components": 10**12}},
]  # fmt: skip


def places(content, path=()):
    """All places in a manifest."""
    pairs = (
        content.items()
        if isinstance(content, dict)
        else enumerate(content)
        if isinstance(content, list)
        else ()
    )
    for key, value in pairs:
        yield (*path, key)
        yield from places(value, (*path, key))


def at(content, path):
    for key in path:
        content = content[key]
    return content


def change_manifest(rng, content, folder):
    """Put something else at a place of the manifest, take it away, repeat it, or swap two."""
    found = [path for path in places(content) if path[0] not in ("package", "format")]
    path, other = rng.choice(found), rng.choice(found)
    parent, key = at(content, path[:-1]), path[-1]
    kind = rng.randrange(5)
    if kind == 0:
        del parent[key]
    elif kind == 1:
        parent[key] = copy.deepcopy(at(content, other))
    elif kind == 2 and isinstance(parent, list):
        parent.insert(key, copy.deepcopy(parent[key]))
    elif kind == 3:
        deep = []
        for _ in range(rng.choice([5, 200, 2000])):
            deep = [deep]
        parent[key] = deep
    else:
        parent[key] = copy.deepcopy(rng.choice(VALUES))
    return f"manifest {path} {kind}"


def sign(content, role, folder, text):
    """Write a file and note it in the manifest."""
    path = folder / content["files"][role]["file"]
    path.write_bytes(text)
    content["files"][role] = describe_file(path)


def role_like(rng, content, ending):
    return rng.choice([role for role, one in content["files"].items() if one["file"].endswith(ending)])


def change_arrays(rng, content, folder):
    """Change an array: its size, its type, its numbers, its name, or the bytes of its file."""
    role = role_like(rng, content, ".safetensors")
    text = (folder / content["files"][role]["file"]).read_bytes()
    kind = rng.randrange(9)
    if kind == 0:
        return flip(rng, content, folder, role, text)
    stored = {name: array.copy() for name, array in read_arrays(text).items()}
    name = rng.choice(sorted(stored))
    array = stored[name]
    if kind == 1:
        stored[name] = array[: len(array) // 2] if array.ndim else array
    elif kind == 2:
        stored[name] = np.concatenate([array, array]) if array.ndim else array
    elif kind == 3:
        stored[name] = np.ascontiguousarray(array.T) if array.ndim == 2 else array[None]
    elif kind == 4:
        to = rng.choice([np.int8, np.int64, np.uint64, np.float16, np.float32, np.float64, bool])
        with np.errstate(all="ignore"):
            stored[name] = array.astype(to)
    elif kind == 5 and array.size:
        bad = [-1, 10**12, 2**62, 7] if array.dtype.kind in "iu" else [np.nan, np.inf, 1e300, -1e300, 0]
        where, value = rng.randrange(array.size), rng.choice(bad)
        with np.errstate(all="ignore"):
            array.reshape(-1)[where] = np.array(value).astype(array.dtype)
    elif kind == 6:
        stored[rng.choice(sorted(stored))] = stored.pop(name)
    elif kind == 7:
        stored[name] = np.zeros((0,) * max(1, array.ndim), array.dtype)
    else:
        del stored[name]
    sign(
        content,
        role,
        folder,
        arrays_as_bytes({key: np.ascontiguousarray(one) for key, one in stored.items()}),
    )
    return f"arrays {role} {name} {kind}"


def bombs(rng, table):
    """A table that unfolds to far more than its file."""
    n = 40_000_000
    kind = rng.randrange(4)
    if kind == 0:
        return pa.table({name: pa.repeat(pa.scalar(0, pa.int64()), n) for name in table.column_names}), {}
    if kind == 1:
        long = pa.DictionaryArray.from_arrays(pa.array(np.zeros(10**5, np.int32)), pa.array(["x" * 10**5]))
        return pa.table(dict.fromkeys(table.column_names, long)), {"store_schema": False}
    if kind == 2:
        return pa.table({name: pa.array(np.zeros(10**6)) for name in table.column_names}), {
            "compression": "zstd"
        }
    return table, {"compression": rng.choice(["gzip", "zstd", "brotli", "lz4"])}


def change_table(rng, content, folder):
    """Change a table: its bytes, its columns, its rows, their types, or how it is packed."""
    role = role_like(rng, content, ".parquet")
    text = (folder / content["files"][role]["file"]).read_bytes()
    kind = rng.randrange(8)
    if kind < 2:
        return flip(rng, content, folder, role, text)
    table, options = pq.read_table(io.BytesIO(text)), {}
    place = rng.randrange(table.num_columns)
    column = table.column(place)
    if kind == 2:
        table = table.drop_columns([table.column_names[place]])
    elif kind == 3:
        table = pa.concat_tables([table, table])
    elif kind == 4:
        table = table.set_column(place, table.column_names[place], pa.nulls(len(table), column.type))
    elif kind == 5:
        other = rng.choice([pa.string(), pa.float64(), pa.list_(pa.int8()), pa.int32(), pa.null()])
        table = table.set_column(place, table.column_names[place], pa.nulls(len(table), other))
    elif kind == 6 and rng.random() < 0.1:
        table, options = bombs(rng, table)
    else:
        table = table.slice(0, rng.randrange(len(table) + 1))
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    sign(content, role, folder, sink.getvalue())
    return f"table {role} {kind}"


def flip(rng, content, folder, role, text):
    """Change some bytes of a file; most often among the first or last, where the structure is told."""
    text = bytearray(text)
    for _ in range(rng.choice([1, 1, 3, 20])):
        span = rng.choice([len(text), min(len(text), 600)])
        place = rng.randrange(span) if rng.random() < 0.5 else len(text) - 1 - rng.randrange(span)
        text[place] = rng.randrange(256)
    if rng.random() < 0.2:
        del text[rng.randrange(len(text)) :]
    sign(content, role, folder, bytes(text))
    return f"bytes of {role}"


def swap_files(rng, content, folder):
    """Let a role have the file of another, or a link, or a size and checksum of its own."""
    one, other = rng.choice(sorted(content["files"])), rng.choice(sorted(content["files"]))
    kind = rng.randrange(4)
    path = folder / content["files"][one]["file"]
    if kind == 0:
        content["files"][one] = dict(content["files"][other])
    elif kind == 1:
        path.rename(folder / "moved")
        path.symlink_to(folder / "moved")
    elif kind == 2:
        content["files"][one][rng.choice(["file", "size", "sha256"])] = copy.deepcopy(rng.choice(VALUES))
    else:
        path.unlink()
        path.mkdir()
    return f"files {one} {other} {kind}"


CHANGES = [change_manifest, change_manifest, change_arrays, change_arrays, change_table, swap_files]


def changed(folder, seed, copied):
    """Change a copy of a folder; return how, or None where there is no such change."""
    rng = random.Random(seed)
    shutil.rmtree(copied, ignore_errors=True)
    shutil.copytree(folder, copied)
    content = parse((copied / MANIFEST).read_bytes(), copied)
    try:
        told = rng.choice(CHANGES)(rng, content, copied)
        text = render(content)
    except (ValueError, RecursionError, KeyError, TypeError, pa.ArrowException, UnicodeError):
        return None  # such as a number no JSON holds
    (copied / MANIFEST).write_text(text)
    return told


def loaded(copied, told, history):
    """Load a folder and use the model; return how that ended, and a report where it ended badly."""
    try:
        model = tb.load(copied)
    except ModelFileError as error:
        bad = "\n" in str(error) or str(copied) not in str(error) or len(str(error)) > 2000
        return "refused", f"{told}: the error is {str(error)!r:.300}" if bad else None
    except BaseException as error:
        return "broken", f"{told}: load: {type(error).__name__}: {error!s:.200}\n{last(error)}"
    try:
        model.recommend_from(history, 3)
    except TastebridgeError:
        pass
    except BaseException as error:
        return "broken", f"{told}: use: {type(error).__name__}: {error!s:.200}\n{last(error)}"
    return "loaded", None


def last(error):
    return "".join(traceback.format_tb(error.__traceback__)[-2:])


def main(folder, seed, count):
    """Load so many changed folders."""
    warnings.simplefilter("ignore")
    history = {
        "user_id": [1, 1, 2],
        "item_id": ["books:03", "films:01", "books:05"],
        "category": ["books", "films", "books"],
        "weight": [3.0, 1.0, 4.0],  # ratings, to a model that reads them
    }
    tb.load(folder).recommend_from(pa.table(history), 3)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY + virtual(), MEMORY + virtual()))
    seen, reports, grown = {}, [], 0
    with tempfile.TemporaryDirectory() as work:
        for number in range(seed, seed + count):
            print(number, file=sys.stderr, flush=True)
            told = changed(Path(folder), number, Path(work, "model"))
            before = anew()
            how, report = (
                ("no mutation", None) if told is None else loaded(Path(work, "model"), told, history)
            )
            grown = max(grown, held("VmHWM") - before)
            seen[how] = seen.get(how, 0) + 1
            reports += [f"{number} {report}"] if report else []
    print(json.dumps({"seen": seen, "grown": grown, "reports": reports}))


def anew():
    """Let the peak of memory start here, and return the memory in use.

    Only loads are measured: a table of 40 million rows takes more than they may while it is made here.
    """
    release()
    with suppress(OSError):  # then the peak is that of all mutations so far
        Path("/proc/self/clear_refs").write_text("5")
    return held("VmRSS")


def held(name):
    """A size in bytes, as Linux tells it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024


def virtual():
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
