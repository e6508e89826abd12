"""Checks of the target and the sources of a recommender, before any work."""

from __future__ import annotations

from collections.abc import Sequence

from tastebridge._foundation.validation import check_category, is_listed
from tastebridge.data import Panel
from tastebridge.exceptions import InvalidDataError, InvalidParameterError, NoLinkedUsersError


def _as_list(sources: object) -> str:
    """Return the remedy for sources that are no list: a category, or a set of them."""
    if isinstance(sources, str) and sources:
        return f"Write [{sources!r}]."
    if isinstance(sources, set | frozenset) and sources:
        return f"Write {sorted(sources, key=str)!r}."
    return "Name at least one."


def check_target(target: str, panel: Panel) -> str:
    """Return the target if the panel has it and it has users."""
    check_category("target", target, panel.categories)
    if not len(panel[target].active_numbers):
        raise InvalidDataError(
            f"the target {target!r} has no events left, so there is nothing to learn from. Add users who "
            "have a history there."
        )
    return target


def check_sources(
    owner: str, target: str, sources: Sequence[str] | None, panel: Panel, linked: bool = True
) -> list[str]:
    """Return the sources, all other categories by default.

    Parameters
    ----------
    owner : str
        The name of the recommender, for the error.
    target : str
    sources : list of str, optional
    panel : Panel
    linked : bool, default=True
        Whether at least one user must be both in a source and in the target.
    """
    if sources is not None and (not is_listed(sources) or not len(sources)):
        raise InvalidParameterError(
            f"sources must be a list of categories, or None for all; got {sources!r}. " + _as_list(sources)
        )
    wanted = panel.categories if sources is None else dict.fromkeys(sources)  # each once, in their order
    names = [check_category("sources", name, panel.categories) for name in wanted if name != target]
    if not names and sources is not None:
        others = ", ".join(repr(name) for name in panel.categories if name != target)
        raise InvalidParameterError(
            f"sources={[str(name) for name in sources]!r} names the target {target!r} alone. Name another "
            + (f"category: {others}." if others else "category, and add its events.")
        )
    if not names:
        raise InvalidDataError(
            f"{owner}(target={target!r}) needs a source category besides the target; the panel has "
            f"{', '.join(map(repr, panel.categories))} alone. Add events of another category; if items are "
            "in several, read them with categories='all'."
        )
    if linked and not any(len(panel.linked(name, target)) for name in names):
        raise NoLinkedUsersError(
            f"no user is both in a source ({', '.join(map(repr, names))}) and in the target {target!r}. "
            "The link between the two is learned from users who are in both; check that the same "
            "user has the same user_id in every category."
        )
    return names
