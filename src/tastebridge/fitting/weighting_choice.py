"""The choice of a weighting scheme out of fold.

If all weights are equal, there is nothing to choose. Otherwise target rows of linked users are hidden, a few
cheap routes learn from the other rows with each scheme, and all items are ranked.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tastebridge.data import Panel
from tastebridge.data.weighting import Scheme
from tastebridge.fitting.weighting_rule import Comparison, compared
from tastebridge.fitting.weighting_trial import Candidate

BINARY: Scheme = "binary"
OTHERS: tuple[Scheme, ...] = ("log", "bm25", "none")
"""The schemes tried next to binary, the mildest first: it is taken where means are equal."""
_VARIED = 0.01
"""Least share of a category's weights that differ from the usual one for a choice."""


def varies(panel: Panel) -> bool:
    """Return whether weights are strengths, all above 0, of which one in a hundred differs in a category."""
    parts = [part.matrix.data for part in panel.interactions.values() if part.matrix.nnz]
    if any(weights.min() <= 0 for weights in parts):
        return False  # ratings on a scale of their own, which no scheme of strengths takes
    return any(_varied(weights) for weights in parts)


def choose_weighting(
    panel: Panel, targets: Sequence[str], seed: int = 0, schemes: Sequence[Scheme] = OTHERS
) -> tuple[Scheme, pd.DataFrame]:
    r"""Return the scheme of best accuracy out of fold, and the table of the test.

    The accuracy is NDCG@10 over all items for users with hidden target rows: all rows for users who thus
    become new to the target ("cold"), one row for the others ("warm").

    1. Every scheme is evaluated on the first fold. Schemes that are not better than binary are dropped.
    2. The others are evaluated on all folds, as many as are needed for 1,000 users.
    3. A scheme replaces binary only if the interval of the mean difference :math:`\bar d` is above zero. It
       is a 90 % interval over users, simultaneous over schemes. In addition, :math:`\bar d` must not be below
       minus one standard error for cold or for warm users.
    4. If several schemes qualify, the one with the largest difference is chosen.

    Rule 3 is stricter than the rule of one standard error, because the best of several schemes looks better
    than it is.

    Parameters
    ----------
    panel : Panel
        The categories of the fit.
    targets : list of str
        At most three are evaluated: those with the most linked users.
    seed : int, default=0
        Seed of the folds. The choice does not depend on threads or processes.
    schemes : list of str, default=("log", "bm25", "none")
        As for :class:`tastebridge.data.Weighting`.

    Returns
    -------
    scheme : str
    table : DataFrame
        One row per scheme, binary first: scheme, users (evaluated), ndcg, the difference to binary with its
        interval (difference, low, high), the differences of the segments (cold, warm), and chosen. The table
        is empty if all weights are equal, or with fewer than 50 users in the target and in a source.

    References
    ----------
    T. Hastie, R. Tibshirani and J. Friedman, "The Elements of Statistical Learning", 2009, section 7.10, for
    the rule of one standard error. Y. Hu, Y. Koren and C. Volinsky, "Collaborative filtering for implicit
    feedback datasets", ICDM (2008), for counts as confidence.

    Examples
    --------
    >>> from tastebridge.datasets import make_panel, make_scenario
    >>> panel, _ = make_panel(n_users=200, n_items=40)
    >>> scheme, table = choose_weighting(panel, ["films"])  # each pair has the weight 1
    >>> scheme, len(table)
    ('binary', 0)
    >>> scheme, table = choose_weighting(make_scenario("shop", n_users=200), ["clothing"])
    >>> table["scheme"].tolist()
    ['binary', 'log', 'bm25', 'none']
    """
    candidates = [Candidate(scheme) for scheme in (BINARY, *schemes)]
    found = compared(panel, targets, candidates, seed) if varies(panel) else Comparison({}, candidates[0])
    table = found.table()
    table.insert(0, "scheme", [one.scheme for one in found.values])
    return found.chosen.scheme, table


def _varied(weights: NDArray[np.float32]) -> bool:
    # the median is the usual weight wherever one weight is more frequent than all others together
    usual = np.partition(weights, len(weights) // 2)[len(weights) // 2]
    return bool(np.count_nonzero(weights != usual) >= _VARIED * len(weights))
