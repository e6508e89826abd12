"""Saved models, and the choice of one of their targets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from tastebridge._foundation.validation import check_category
from tastebridge.batch.inputs import refuse_inputs
from tastebridge.cli import options
from tastebridge.cli.keys import KeyFile, key_of
from tastebridge.cli.signatures import in_one
from tastebridge.exceptions import InvalidParameterError
from tastebridge.loading import load
from tastebridge.recommenders import Recommender


def refuse_among(model: Path, output: Path) -> None:
    """Refuse to write a model among the files of another; replacing a whole model is allowed."""
    if not (output.exists() and output.samefile(model)):
        refuse_inputs(output, **{"files of the model": model})


@dataclass(frozen=True)
class Opening:
    """How a model is opened, as Typer shows and parses it; each field is one option."""

    category: options.Category = None
    key_file: KeyFile = None

    def of(self, model: Path) -> Recommender:
        """Return the recommender of a folder; one of several targets for the category that was named."""
        recommender: Any = self.any_of(model)
        if recommender.joint_ is None:
            return cast(Recommender, recommender)
        if len(recommender.targets_) > 1:
            names = ", ".join(map(repr, recommender.targets_))
            raise InvalidParameterError(f"{str(model)!r} recommends in {names}. Choose one with --category.")
        return next(iter(recommender.mappers_.values()))

    def any_of(self, model: Path) -> Recommender:
        """Return the recommender of a folder, or its recommender for one category if a category is named."""
        recommender: Any = load(model, key=key_of(self.key_file))
        if self.category is None:
            return recommender
        check_category("--category", self.category, recommender.targets_)
        # the category of a model with a single target may be named too
        return recommender.mappers_[self.category] if recommender.joint_ is not None else recommender


opens_model = in_one("opening", Opening)
"""Decorates a command that takes ``opening``, an :class:`Opening`."""
