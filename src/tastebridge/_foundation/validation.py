"""Checks of parameters: each error names the parameter, the values allowed, the value given and a remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import TypeVar

import sklearn.exceptions
from sklearn.utils.validation import check_is_fitted

from tastebridge._foundation.addresses import conceal
from tastebridge._foundation.nouns import with_article
from tastebridge.exceptions import InvalidParameterError, NotFittedError, UnknownCategoryError

T = TypeVar("T")


def check_fitted(estimator: object, attribute: str | None = None) -> None:
    """Refuse an estimator without an attribute that ``fit`` sets; by default, without any."""
    # hasattr first: check_is_fitted looks at every attribute, and small requests come often
    if attribute is not None and hasattr(estimator, attribute):
        return
    if not hasattr(estimator, "fit"):
        raise InvalidParameterError(
            f"this needs a fitted model; got {with_article(estimator)}. Load one: tastebridge.load."
        )
    try:
        check_is_fitted(estimator, attribute)
    except sklearn.exceptions.NotFittedError as error:
        raise NotFittedError(str(error)) from None


def check_choice(name: str, value: T, choices: Sequence[object]) -> T:
    """Return ``value`` if it is one of ``choices``; suggest the nearest name otherwise."""
    if isinstance(value, str | int | float | bool | None) and value in choices:
        return value
    listed = ", ".join(repr(choice) for choice in choices)
    hint = nearest(str(value), [str(choice) for choice in choices])
    raise InvalidParameterError(f"{name} must be one of {listed}; got {value!r}.{hint}")


def check_count(name: str, value: object, minimum: int = 1, maximum: int | None = None) -> int:
    """Return ``value`` as an int if it is a whole number in ``[minimum, maximum]``."""
    bound = f"at least {minimum}" if maximum is None else f"between {minimum} and {maximum}"
    whole = isinstance(value, Integral) and not isinstance(value, bool)  # True is an Integral
    number = int(value) if isinstance(value, Integral) else 0
    if not whole or number < minimum or (maximum is not None and number > maximum):
        raise InvalidParameterError(f"{name} must be a whole number, {bound}; got {value!r}.")
    return number


def check_number(
    name: str,
    value: object,
    minimum: float = -float("inf"),
    maximum: float = float("inf"),
    *,
    open_minimum: bool = False,
) -> float:
    """Return ``value`` as a float if it is a finite number in the interval."""
    real = isinstance(value, Real) and not isinstance(value, bool)
    number = float(value) if isinstance(value, Real) else float("nan")
    inside = real and minimum <= number <= maximum and not (open_minimum and number == minimum)
    if not inside or number in (float("inf"), -float("inf")):
        bracket = "(" if open_minimum else "["
        raise InvalidParameterError(
            f"{name} must be a finite number in {bracket}{minimum}, {maximum}]; got {value!r}."
        )
    return number


def check_type(name: str, value: T, kind: type, example: str) -> T:
    """Return ``value`` if it is of a class; otherwise show how one is written."""
    if isinstance(value, kind):
        return value
    shown = repr(value) if isinstance(value, str | int | float | bool | None) else type(value).__name__
    raise InvalidParameterError(f"{name} must be a {kind.__name__}; got {shown}. Write {example}.")


def check_path(name: str, value: object) -> Path:
    """Return a path given as text or as one, without credentials if it is an address."""
    if isinstance(value, str | Path):
        try:
            strange = b"\0" in str(value).encode()
        except UnicodeEncodeError:  # a name of bytes that are no text, which Arrow cannot open
            strange = True
        if strange:
            raise InvalidParameterError(
                f"{name} must be a path of Unicode text without NUL; got {str(conceal(value))!r:.200}. "
                "Use another name."
            )
        return Path(conceal(value))
    raise InvalidParameterError(f"{name} must be a path, as text or Path; got {type(value).__name__}.")


def check_category(name: str, category: object, known: Iterable[str]) -> str:
    """Return ``category`` if it is known; otherwise name the nearest."""
    listed = list(known)
    if isinstance(category, str) and category in listed:
        return category
    hint = nearest(str(category), listed)
    shown = ", ".join(repr(value) for value in listed[:10]) + (", …" if len(listed) > 10 else "")
    raise UnknownCategoryError(f"{name}={category!r} is not a category here; there are {shown}.{hint}")


def is_listed(value: object) -> bool:
    """Return whether a value is a list, tuple, array or column; a set has another order in every process."""
    ordered = hasattr(value, "__getitem__") and hasattr(value, "__len__")
    return ordered and not isinstance(value, str | bytes | Mapping)


def nearest(word: str, words: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the closest of ``words``, or an empty string."""
    return _asked(word, {known: known for known in words})


def nearest_file(path: Path) -> str:
    """Return :func:`nearest` for a path that is not there: a file in its folder whose name is near.

    Endings are not compared: with them, every name in ``.csv`` would be near to every other.
    """
    return _asked(path.stem, {p.stem: p.name for p in path.parent.iterdir()} if path.parent.is_dir() else {})


def nearest_flag(flag: str, flags: Iterable[str]) -> str:
    """Return :func:`nearest` for an option; dashes are not compared, which all of them have."""
    return _asked(flag.strip("-"), {known.strip("-"): known for known in flags})


def _asked(word: str, known: Mapping[str, str]) -> str:
    """Return the question whether the name of the closest of the ``known`` words was meant."""
    shown = {written.casefold(): name for written, name in known.items()}
    # 0.65: with less, nope is near to n-components, and a wrong guess costs more than none
    close = difflib.get_close_matches(word.casefold(), list(shown), n=1, cutoff=0.65)
    return f" Did you mean {shown[close[0]]!r}?" if close else ""
