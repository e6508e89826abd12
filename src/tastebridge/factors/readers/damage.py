"""One clear error for files and objects that are not the expected models."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from tastebridge._foundation.validation import check_path
from tastebridge.exceptions import InvalidDataError, TastebridgeError

_DAMAGE = (
    OSError, EOFError, KeyError, IndexError, ValueError, TypeError, OverflowError, MemoryError, SyntaxError,
    struct.error, zipfile.BadZipFile, zlib.error, NotImplementedError, pa.ArrowException,
)  # fmt: skip
"""What readers of formats raise on bytes of another format."""


@contextmanager
def reading(path: str | Path, content: str) -> Iterator[Path]:
    """Yield a path that exists; any error of a reader becomes one that names the file and the content."""
    found = check_path("path", path)
    if not found.exists():
        raise InvalidDataError(f"there is nothing at {str(found)!r} to read as {content}. Check the path.")
    try:
        yield found
    except TastebridgeError:
        raise
    except _DAMAGE as error:
        told = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise InvalidDataError(
            f"{str(found)!r} cannot be read as {content}: {told}. The file is damaged or of another "
            "kind; write it again from the trained model."
        ) from error


def attribute(model: object, names: Sequence[str], package: str) -> object:
    """Return the first attribute that a fitted model has, or name the missing ones in an error."""
    for name in names:
        found = getattr(model, name, None)
        if found is not None:
            return found
    if isinstance(model, str | Path):
        raise InvalidDataError(
            f"a fitted model of {package} is expected; got the path {str(model)!r}. Load the model with its "
            "package; tastebridge.factors.read_factors reads files of vectors."
        )
    wanted = " or ".join(repr(name) for name in names)
    raise InvalidDataError(
        f"a fitted model of {package} has the attribute {wanted}; this {type(model).__name__} has none. "
        "Fit the model first, or build PretrainedFactors(items, factors) from its arrays."
    )
