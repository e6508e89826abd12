"""Weight columns that look like ratings, and the note about them."""

from __future__ import annotations

import numpy as np

from tastebridge.data.columns import plain_name

_WORDS = ("rating", "stars", "rate", "score", "overall")
_LARGEST, _FEW = 10, 21
"""Ratings are at most ten, in steps of a half: more distinct values are measurements."""


def rating_notes(column: str | None, weights: np.ndarray) -> tuple[str, ...]:
    """Return a note if a column of weights looks like ratings, by its name and by its few small numbers.

    Parameters
    ----------
    column : str or None
        The name of the column; None without one.
    weights : ndarray
        Its values, NaN where missing; other than numbers are no ratings.

    Returns
    -------
    tuple of str
        One sentence, or none.

    Examples
    --------
    >>> rating_notes("Stars", np.array([1.0, 5.0, 4.0]))[0][:56]
    "the weights in 'Stars' look like ratings from 1 to 5: as"
    >>> rating_notes("plays", np.array([1.0, 5.0, 4.0])), rating_notes("stars", np.array([1.0, 300.0]))
    ((), ())
    """
    if column is None or not any(word in plain_name(column) for word in _WORDS):
        return ()
    if weights.dtype.kind not in "iuf":
        return ()
    values = np.unique(weights[np.isfinite(weights)])
    small = 1 < len(values) <= _FEW and values[0] >= -1 and values[-1] <= _LARGEST
    if not small or (values * 2 % 1).any():
        return ()
    return (
        f"the weights in {column!r} look like ratings from {values[0]:g} to {values[-1]:g}: as implicit "
        "feedback, even a low rating counts as interest. To predict ratings, use RatingMapper or --feedback "
        "explicit.",
    )
