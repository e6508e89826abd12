"""Outputs that would overwrite an input, or lie among its files, are refused."""

from __future__ import annotations

from pathlib import Path

from tastebridge.exceptions import OutputError


def refuse_inputs(out: Path, **inputs: Path | None) -> None:
    """Refuse an output that is one of the inputs under any name, or lies in a folder that is an input.

    Parameters
    ----------
    out : Path
        A file or folder to be written.
    **inputs : Path or None
        Files and folders that are read, by their names in messages; None for an input that was not given.

    Raises
    ------
    OutputError
        If the output collides with an input; the message names both.
    """
    place = out.parent.resolve() / out.name
    for name, path in inputs.items():
        if path is None or not path.exists():
            continue
        # samefile sees hard links and file systems that ignore case
        if place == path.resolve() or (out.exists() and out.samefile(path)):
            raise OutputError(
                f"the output {str(out)!r} is the input {name} {str(path)!r}, and would replace it. Choose "
                "another output."
            )
        if path.is_dir() and any(folder.exists() and folder.samefile(path) for folder in place.parents):
            raise OutputError(
                f"the output {str(out)!r} lies among the {name} {str(path)!r}, and would be read as a part "
                "of them. Choose another output."
            )
