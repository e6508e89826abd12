"""Whether a file can be written at a place, asked before the work: a batch would find out hours later."""

from __future__ import annotations

import os
from pathlib import Path

from tastebridge._foundation.addresses import as_address
from tastebridge.exceptions import InvalidParameterError


def check_file(name: str, path: Path) -> None:
    """Refuse a place for a file that is a folder, or that lies where nothing can be written.

    Parameters
    ----------
    name : str
        The place in an error: ``--output``, or ``the output``.
    path : Path

    Raises
    ------
    InvalidParameterError
    """
    if path.is_dir():
        raise InvalidParameterError(f"{name} {str(path)!r} is a folder. Choose another path.")
    check_parent(name, path)


def refuse_address(name: str, path: Path) -> None:
    """Refuse an address such as ``s3://shop/lists.csv``, which would be a folder ``s3:`` on the disk."""
    if (address := as_address(path)) is not None:
        raise InvalidParameterError(
            f"{name} {address!r} is an address, and results are written to the disk alone. Choose a path on"
            " the disk, and copy the finished result from there."
        )


def check_parent(name: str, path: Path) -> None:
    """Refuse a place in a folder that does not exist or cannot be written to; as :func:`check_file`."""
    refuse_address(name, path)
    if not path.parent.is_dir():
        raise InvalidParameterError(
            f"{name} {str(path)!r} lies in a folder that does not exist. Make it, or choose another path."
        )
    if not os.access(path.parent, os.W_OK):
        raise InvalidParameterError(
            f"{name} {str(path)!r} lies in a folder that cannot be written to. Choose another path."
        )
