"""The counts of a batch: events read, rows left out and why, users served, and rows written."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self, TypeAlias, cast

from tastebridge.data import CleaningReport
from tastebridge.exceptions import InvalidDataError

_Counts: TypeAlias = int | dict[str, int]


@dataclass(frozen=True)
class Account:
    """Counts of a batch of histories; the accounts of several batches can be added.

    Parameters
    ----------
    events : int
        Rows read.
    people : int
        Users with a usable row.
    served : int
        Users with at least one recommendation.
    short : int
        Users with fewer recommendations than requested.
    rows : int
        Rows written.
    cleaning : mapping of step to int
        Rows removed by each step of the cleaning; ``"duplicates"`` are merged, not lost.
    unknown : mapping of category to int
        Events of items or categories that the model does not know.

    Examples
    --------
    >>> one = Account(events=3, people=1, unknown={"books": 2})
    >>> (one + one).unknown
    {'books': 4}
    """

    events: int = 0
    people: int = 0
    served: int = 0
    short: int = 0
    rows: int = 0
    cleaning: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)

    def __add__(self, other: Account) -> Account:
        left, right = asdict(self), asdict(other)
        total: dict[str, Any] = {name: _sum(left[name], right[name]) for name in left}
        return Account(**total)

    @classmethod
    def of(cls, report: CleaningReport, **counts: Any) -> Self:  # noqa: ANN401 - numbers, or a dict of them
        """Return the account of a cleaned batch."""
        # one step can come several times, once for each category
        steps: Counter[str] = Counter()
        for step in report.steps:
            steps[step.step] += step.rows
        return cls(events=report.rows_in, cleaning=dict(steps), **counts)

    @classmethod
    def from_json(cls, values: object) -> Self:
        """Return the account with these :func:`dataclasses.asdict` values; refuse anything else."""
        if not isinstance(values, dict) or set(values) != {part.name for part in fields(cls)}:
            raise InvalidDataError("it does not hold the counts of a batch.")
        for name, value in values.items():
            numbers = list(value.values()) if isinstance(value, dict) else [value]
            nested = name in ("cleaning", "unknown")
            # type(), not isinstance: JSON's true is an int of Python
            if isinstance(value, dict) != nested or any(type(n) is not int or n < 0 for n in numbers):
                raise InvalidDataError(f"its count of {name} is {value!r}.")
        return cls(**values)


def _sum(one: _Counts, other: _Counts) -> _Counts:
    if isinstance(one, int) or isinstance(other, int):
        return cast(int, one) + cast(int, other)
    return {name: one.get(name, 0) + other.get(name, 0) for name in sorted({*one, *other})}
