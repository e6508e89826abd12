"""The account of a batch: who came, what was left out and why, and what they were given."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from tastebridge.data import CleaningReport
from tastebridge.exceptions import InvalidDataError


@dataclass(frozen=True)
class Account:
    """Counts of a batch of histories; accounts of several batches add up.

    Parameters
    ----------
    events : int
        Rows that came in.
    people : int
        Users with a usable row.
    served : int
        Users who got anything.
    short : int
        Users who got fewer than was asked for.
    rows : int
        Rows that went out.
    cleaning : mapping of step to int
        Rows that each step of the cleaning took out; ``"duplicates"`` are merged, not lost.
    unknown : mapping of category to int
        Events of items or categories the model does not know.

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
        mine, others = asdict(self), asdict(other)
        return Account(**{name: _sum(mine[name], others[name]) for name in mine})

    @classmethod
    def of(cls, report: CleaningReport, **counts: Any) -> Self:
        """Return the account of a cleaned batch."""
        steps: Counter[str] = Counter()
        for step in report.steps:
            steps[step.step] += step.rows
        return cls(events=report.rows_in, cleaning=dict(steps), **counts)

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """Return the account that :func:`dataclasses.asdict` made these values of; refuse anything else."""
        if not isinstance(values, dict) or set(values) != {part.name for part in fields(cls)}:
            raise InvalidDataError("it is not an account of a batch.")
        for name, value in values.items():
            numbers = list(value.values()) if isinstance(value, dict) else [value]
            nested = name in ("cleaning", "unknown")
            if isinstance(value, dict) != nested or any(type(n) is not int or n < 0 for n in numbers):
                raise InvalidDataError(f"its count of {name} is {value!r}.")
        return cls(**values)


def _sum(one: Any, other: Any) -> Any:
    if not isinstance(one, dict):
        return one + other
    return {name: one.get(name, 0) + other.get(name, 0) for name in sorted({*one, *other})}
