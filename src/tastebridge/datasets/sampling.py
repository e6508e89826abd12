"""Draws of items for users, by popularity and taste, without replacement, in bounded memory."""

from __future__ import annotations

import numpy as np

_CELLS = 2_000_000
"""Users × candidates that are held at once: 8 MB in float32."""
_EXACT = 2_048
"""Catalogues up to this size are drawn exactly."""
_PER_EVENT = 8
"""Candidates of a larger catalogue for each event of the most active user."""


def draw_items(
    tastes: np.ndarray,
    factors: np.ndarray,
    popularity: np.ndarray,
    counts: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw items for users with probability proportional to ``popularity_i · exp(taste_u · factor_i)``.

    The largest utilities after adding Gumbel noise are a draw from the softmax without replacement (Kool
    et al., 2019). Catalogues up to 2,048 items are drawn exactly. In larger ones each user gets candidates
    drawn by popularity, and chooses among them by taste alone (sampling importance resampling). The cost then
    grows with the number of events, not with users times items.

    Parameters
    ----------
    tastes : ndarray of shape (n_users, n_components)
        The taste vector of each user.
    factors : ndarray of shape (n_items, n_components)
        The vector of each item.
    popularity : ndarray of shape (n_items,)
        Positive; any scale.
    counts : ndarray of int, shape (n_users,)
        The number of items each user takes, at most ``n_items``.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    users, items : ndarray of int32
        One entry per draw, users ascending, no pair twice. In large catalogues candidates may repeat, so a
        user may get fewer items than asked.

    References
    ----------
    W. Kool, H. van Hoof and M. Welling, "Stochastic beams and where to find them", 2019.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> people, items = draw_items(np.zeros((2, 1)), np.zeros((3, 1)), np.ones(3), np.array([1, 3]), rng)
    >>> people.tolist(), sorted(items[1:].tolist())
    ([0, 1, 1, 1], [0, 1, 2])
    """
    n_items, most = len(factors), int(counts.max(initial=0))
    exact = n_items <= max(_EXACT, most)
    width = n_items if exact else min(n_items, max(64, _PER_EVENT * most))
    quantiles = None if exact else _quantile_table(popularity)
    drawn = []
    step = max(1, _CELLS // width)
    for start in range(0, len(tastes), step):
        chunk = slice(start, start + step)
        if quantiles is None:
            utility = tastes[chunk] @ factors.T + np.log(popularity, dtype=np.float32)
            items = np.broadcast_to(np.arange(n_items, dtype=np.int32), utility.shape)
        else:
            # popularity is in the candidates already: adding it to the utility would count it twice
            items = quantiles[rng.integers(0, len(quantiles), (len(tastes[chunk]), width))]
            utility = np.einsum("uk,uck->uc", tastes[chunk], factors[items], optimize=True)
        people, chosen = _choose(utility, items, counts[chunk], rng)
        drawn.append((people + start, chosen))
    people, items = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
    return people.astype(np.int32), items.astype(np.int32)


def _quantile_table(popularity: np.ndarray) -> np.ndarray:
    """Return items at evenly spaced quantiles: a uniform draw from the table is a draw by popularity."""
    # 16 places per item on average, so that rare items keep a place
    size = max(65_536, 16 * len(popularity))
    cumulative = np.cumsum(popularity / popularity.sum())
    places = np.searchsorted(cumulative, (np.arange(size) + 0.5) / size)
    return np.minimum(places, len(popularity) - 1).astype(np.int32)


def _choose(
    utility: np.ndarray, items: np.ndarray, counts: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the ``counts`` candidates of largest noisy utility of each user, each item once."""
    noisy = utility + rng.gumbel(size=utility.shape).astype(np.float32)
    most = int(counts.max(initial=0))
    best = np.argpartition(-noisy, min(most, noisy.shape[1] - 1), axis=1)[:, :most]
    order = np.argsort(-np.take_along_axis(noisy, best, axis=1), axis=1)
    best = np.take_along_axis(best, order, axis=1)
    taken = np.take_along_axis(items, best, axis=1)
    people = np.repeat(np.arange(len(counts)), counts)
    pairs = np.stack([people, taken[np.arange(most) < counts[:, None]]], axis=1)
    pairs = np.unique(pairs, axis=0)
    return pairs[:, 0], pairs[:, 1]
