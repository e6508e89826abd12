"""The choice of the weights of types of event out of fold: how many views a purchase is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tastebridge._foundation.warnings import muted
from tastebridge._numerics.threads import one_blas_thread
from tastebridge.data import CleaningPolicy, ReadingOptions, read_panel
from tastebridge.data.events import FrameLike
from tastebridge.data.reading import read_table
from tastebridge.exceptions import InvalidDataError
from tastebridge.fitting.weighting_choice import BINARY, OTHERS
from tastebridge.fitting.weighting_rule import compared
from tastebridge.fitting.weighting_trial import Candidate

ALIKE = "alike"
_STEPS = np.array([1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0])
_MOST_TYPES = 20


def choose_event_weights(
    events: str | Path | FrameLike,
    target: str | Sequence[str],
    columns: Mapping[str, str | None] | None = None,
    policy: CleaningPolicy | None = None,
    reading: ReadingOptions | None = None,
    random_state: int = 0,
) -> tuple[dict[str, float], pd.DataFrame]:
    r"""Return a weight for each type of event, chosen out of fold, and the table of the test.

    Rare types are more informative: a purchase comes after many views. With :math:`n_t` events of type t and
    :math:`n_{max}` events of the most frequent type, the candidates are

    - ``"alike"``: 1 for all types;
    - ``"root"``: :math:`\sqrt{n_{max} / n_t}`;
    - ``"rarity"``: :math:`n_{max} / n_t`,

    rounded to 1, 2, 5, 10, 20, 50 or 100. Each is evaluated with each scheme of
    :func:`tastebridge.fitting.weighting_choice.choose_weighting`, and by its rule: all types count equally
    unless a candidate is significantly better than binary weights.

    Parameters
    ----------
    events : str, Path or frame
        As for :func:`tastebridge.read_panel`, with a column of types of event.
    target : str or list of str
        The categories to recommend in.
    columns : mapping of role to column, optional
        ``{"event": "…"}`` names the column of types.
    policy : CleaningPolicy, optional
    reading : ReadingOptions, optional
        As for :func:`tastebridge.read_panel`.
    random_state : int, default=0
        Of the folds.

    Returns
    -------
    weights : dict of event type to float
        For ``event_weights`` of :func:`tastebridge.read_panel` or :class:`tastebridge.InterestMapper`.
    table : DataFrame
        One row per candidate: events (alike, root, rarity), scheme, users, ndcg, difference, low, high, cold,
        warm, chosen. It has no rows with fewer than 50 users in the target and in a source.

    Raises
    ------
    InvalidDataError
        If there is no column of types, or more than 20 types.

    References
    ----------
    Y. Hu, Y. Koren and C. Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM (2008),
    for weights as confidence. K. Sparck Jones, "A statistical interpretation of term specificity", J.
    Documentation 28 (1972), for rarity as weight.

    Examples
    --------
    >>> rows = [(u, f"{c}{u % 7}", c) for u in range(40) for c in ("books", "films")]
    >>> rows = [(*row, "view" if row[0] % 5 else "buy") for row in rows]
    >>> frame = pd.DataFrame(rows, columns=["user_id", "item_id", "category", "event"])
    >>> choose_event_weights(frame, "films")[0]  # too few users for a test
    {'view': 1.0, 'buy': 1.0}
    """
    counts = event_counts(events, columns, reading)
    if len(counts) > _MOST_TYPES:
        raise InvalidDataError(
            f"the event column has {len(counts):,} types, and at most {_MOST_TYPES} can be weighed. Is it "
            'the right column? Name another: columns={"event": "…"}.'
        )
    worths = candidate_worths(counts)
    with muted():  # the caller reads the events itself, with warnings
        panels = {
            name: read_panel(
                events,
                columns=columns,
                reading=reading,
                event_weights=weights,
                policy=policy or CleaningPolicy(),
            )
            for name, weights in worths.items()
        }
    targets = [target] if isinstance(target, str) else list(target)
    first = Candidate(BINARY, ALIKE)
    candidates = [first, *(Candidate(scheme, name) for name in worths for scheme in OTHERS)]
    with one_blas_thread():
        found = compared(panels[ALIKE], targets, candidates, random_state, panels)
    table = found.table()
    table.insert(0, "events", [one.worths for one in found.values])
    table.insert(1, "scheme", [one.scheme for one in found.values])
    return worths[found.chosen.worths], table


def event_counts(
    events: str | Path | FrameLike,
    columns: Mapping[str, str | None] | None = None,
    reading: ReadingOptions | None = None,
) -> dict[str, int]:
    """Return the number of rows of each type of event, the most frequent first.

    Parameters
    ----------
    events, columns, reading
        As for :func:`tastebridge.read_panel`.

    Raises
    ------
    InvalidDataError
        If there is no column of types.
    """
    table = read_table(events, dict(columns or {}), reading).table
    if "event" not in table.column_names:
        raise InvalidDataError('there is no column of types of event. Name it: columns={"event": "…"}.')
    counted = table["event"].to_pandas().dropna().astype(str).value_counts()
    return {kind: int(n) for kind, n in sorted(counted.items(), key=lambda one: (-one[1], str(one[0])))}


def candidate_worths(counts: Mapping[str, int]) -> dict[str, dict[str, float]]:
    """Return the weights of types by the name of each candidate; equal candidates come once.

    Examples
    --------
    >>> candidate_worths({"view": 1000, "cart": 150, "buy": 30})["rarity"]
    {'view': 1.0, 'cart': 5.0, 'buy': 50.0}
    """
    most = max(counts.values(), default=1)
    powers = {ALIKE: 0.0, "root": 0.5, "rarity": 1.0}
    found: dict[str, dict[str, float]] = {}
    for name, power in powers.items():
        weights = {kind: _rounded((most / count) ** power) for kind, count in counts.items()}
        if weights not in found.values():
            found[name] = weights
    return found


def _rounded(weight: float) -> float:
    """Return the nearest of 1, 2, 5, …, 100 by ratio."""
    return float(_STEPS[np.argmin(np.abs(np.log(_STEPS / weight)))])
