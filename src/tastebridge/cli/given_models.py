"""Models trained elsewhere on the command line, given as ``--source-model CATEGORY=FILE``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from tastebridge.exceptions import InvalidParameterError
from tastebridge.factors import PretrainedFactors, read_factors

_HELP = "Parquet (item_id, vector), implicit's .npz with items, Spark's ALS or word2vec"

SourceModels = Annotated[
    list[str] | None,
    typer.Option(
        "--source-model",
        metavar="CATEGORY=FILE",
        help=f"Item vectors of a source trained elsewhere: {_HELP}. Repeat it.",
        show_default=False,
    ),
]
TargetModel = Annotated[
    str | None,
    typer.Option(
        "--target-model",
        metavar="CATEGORY=FILE",
        help="Item vectors of the target, whose space the model keeps, so that it scores your own index.",
        show_default=False,
    ),
]


class ModelFiles(NamedTuple):
    """The files of models trained elsewhere.

    Attributes
    ----------
    sources : dict of category to Path
    target : Path or None
    """

    sources: dict[str, Path]
    target: Path | None

    @property
    def inputs(self) -> dict[str, Path]:
        """The files by a description, so that none is overwritten."""
        named = {f"model of {category}": path for category, path in self.sources.items()}
        return named if self.target is None else {**named, "model of the target": self.target}

    def source_models(self) -> dict[str, PretrainedFactors] | None:
        """Return the models of sources; None where there are none."""
        return {name: read_factors(path) for name, path in self.sources.items()} or None

    def target_model(self) -> PretrainedFactors | None:
        """Return the model of the target, if there is one."""
        return None if self.target is None else read_factors(self.target)


def model_files(sources: Sequence[str] | None, target: str | None, targets: Sequence[str]) -> ModelFiles:
    """Return the files named by ``--source-model`` and ``--target-model``."""
    found: dict[str, Path] = {}
    for word in sources or ():
        category, path = _pair("--source-model", word)
        if category in found:
            raise InvalidParameterError(
                f"--source-model names the category {category!r} twice. Give one model."
            )
        found[category] = path
    if target is None:
        return ModelFiles(found, None)
    category, path = _pair("--target-model", target)
    # named all the same, so that a file is never taken for the model of another category
    if list(targets) != [category]:
        raise InvalidParameterError(
            f"--target-model is of {category!r}, and --target is {', '.join(map(repr, targets))}. Give "
            "the model of the only target."
        )
    return ModelFiles(found, path)


def _pair(option: str, word: str) -> tuple[str, Path]:
    category, _, path = word.partition("=")
    if not category or not path:
        raise InvalidParameterError(
            f"{option} must be like books=books.parquet, a category and its file; got {word!r}."
        )
    return category, Path(path)
