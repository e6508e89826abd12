"""Which categories are recommended in: one, some, or all."""

from __future__ import annotations

from collections.abc import Sequence

from tastebridge._foundation.validation import check_category
from tastebridge.data import Panel
from tastebridge.exceptions import InvalidParameterError
from tastebridge.fitting.checks import check_target

ALL = "all"


def targets_of(target: str | Sequence[str], panel: Panel) -> list[str] | None:
    """Return the targets a list or ``"all"`` means, in the order given; None for a single category.

    A category of the very name ``"all"`` is that category.

    Raises
    ------
    InvalidParameterError
        If the list is empty or names a target twice.
    UnknownCategoryError, InvalidDataError
        If the panel has no such category, or nothing in it.
    """
    if isinstance(target, str) and target == ALL and ALL not in panel.categories:
        return [check_target(name, panel) for name in panel.categories]
    if isinstance(target, str) or not isinstance(target, Sequence):
        return None
    if not len(target) or len(set(target)) < len(target):
        raise InvalidParameterError(
            f"target must be a category, a list of different ones, or {ALL!r}; got {target!r}. "
            + ("Name each once." if len(target) else "Name at least one.")
        )
    return [check_target(name, panel) for name in target]


def check_targets(name: str, wanted: str | Sequence[str] | None, targets: Sequence[str]) -> list[str]:
    """Return the targets that are wanted: a category, a list of them, or None for all."""
    if wanted is None:
        return list(targets)
    listed = [wanted] if isinstance(wanted, str) else list(wanted)
    found = [check_category(name, one, targets) for one in listed]
    if not found or len(set(found)) < len(found):
        raise InvalidParameterError(
            f"{name} must name categories, each once, or be None for all; got {wanted!r}."
        )
    return found
