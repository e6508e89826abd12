"""Models trained elsewhere on the command line, given as ``--source-model CATEGORY=FILE``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from tastebridge.exceptions import InvalidParameterError
from tastebridge.factors import PretrainedFactors, read_factors
from tastebridge.recommenders.multi_target.targets import ALL

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
TargetModels = Annotated[
    list[str] | None,
    typer.Option(
        "--target-model",
        metavar="CATEGORY=FILE",
        help="Item vectors of a target, whose space the model keeps: it scores your own index. Repeat it.",
        show_default=False,
    ),
]


class ModelFiles(NamedTuple):
    """The files of models trained elsewhere.

    Attributes
    ----------
    sources : dict of category to Path
    targets : dict of category to Path
    """

    sources: dict[str, Path]
    targets: dict[str, Path]

    @property
    def inputs(self) -> dict[str, Path]:
        """The files by a description, so that none is overwritten."""
        named = {f"model of {category}": path for category, path in self.sources.items()}
        return named | {f"target model of {category}": path for category, path in self.targets.items()}

    def source_models(self) -> dict[str, PretrainedFactors] | None:
        """Return the models of sources, or None."""
        return {name: read_factors(path) for name, path in self.sources.items()} or None

    def target_models(self) -> dict[str, PretrainedFactors] | None:
        """Return the models of targets, or None."""
        return {name: read_factors(path) for name, path in self.targets.items()} or None


def model_files(
    sources: Sequence[str] | None, models: Sequence[str] | None, targets: Sequence[str]
) -> ModelFiles:
    """Return the files named by ``--source-model`` and ``--target-model``.

    Parameters
    ----------
    sources, models : list of str, optional
        The values of the two options.
    targets : list of str
        The values of ``--target``; ``["all"]`` stands for categories that are not known yet.
    """
    spaces = _by_category("--target-model", models)
    for category in spaces:
        if list(targets) != [ALL] and category not in targets:
            raise InvalidParameterError(
                f"--target-model is of {category!r}, and --target is {', '.join(map(repr, targets))}. Give "
                "models of targets."
            )
    return ModelFiles(_by_category("--source-model", sources), spaces)


def _by_category(option: str, words: Sequence[str] | None) -> dict[str, Path]:
    """Return the files of an option by category, each of which is named once."""
    found: dict[str, Path] = {}
    for word in words or ():
        category, path = _pair(option, word)
        if category in found:
            raise InvalidParameterError(f"{option} names the category {category!r} twice. Give one model.")
        found[category] = path
    return found


def _pair(option: str, word: str) -> tuple[str, Path]:
    category, _, path = word.partition("=")
    if not category or not path:
        raise InvalidParameterError(
            f"{option} must be like books=books.parquet, a category and its file; got {word!r}."
        )
    return category, Path(path)
