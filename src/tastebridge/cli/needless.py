"""Options that have nothing to do in a command: errors, since no option does nothing in silence."""

from __future__ import annotations

from collections.abc import Mapping

from tastebridge.cli.reading import Reading
from tastebridge.exceptions import InvalidParameterError


def refuse_needless(where: str, given: Mapping[str, bool]) -> None:
    """Refuse the first option that was given.

    Parameters
    ----------
    where : str
        The circumstance in which none of the options has an effect, such as "without EVENTS".
    given : mapping of option to bool
        Whether each option was given.

    Raises
    ------
    InvalidParameterError
        If any was given.

    Examples
    --------
    >>> refuse_needless("without EVENTS", {"--users": False})
    """
    for option, was_given in given.items():
        if was_given:
            raise InvalidParameterError(f"{option} has no effect {where}. Leave it out.")


def reading_without_events(reading: Reading) -> dict[str, bool]:
    """Return the options of reading that were given to a command without a table of events."""
    return {word: True for word in reading.words if word.startswith("--")}
