"""Held-out events: the rows to predict for their users, and the histories to predict from."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from tastebridge.data import Panel
from tastebridge.data.history_encoder import Rows
from tastebridge.data.types import Events
from tastebridge.online.state import FittedState


def held_out(state: FittedState, panel: Panel | None, events: Events) -> tuple[sparse.csr_matrix, Rows]:
    """Return the target rows to predict (n_users, n_items) and the histories to rank by.

    Users of the fit are ranked by their history in the fit plus the sources in ``events``, other users by the
    sources in ``events`` alone. Users without target rows in ``events`` are left out.

    Parameters
    ----------
    state : FittedState
    panel : Panel or None
        The users of the fit.
    events : Panel or frame
    """
    fresh, given = state.encoder.fold_in(events, "skip", quiet=True)
    truth = given[state.target]
    # the rows to predict must not be in the histories
    histories = {**given, state.target: sparse.csr_matrix(truth.shape, dtype=np.float32)}
    if panel is not None:
        at = panel.users.numbers(fresh.users.ids, missing="negative")
        known = state.encoder.rows_of(panel, at)
        histories = {
            name: known[name] + (rows - _common(rows, known[name])) for name, rows in histories.items()
        }
    # users without a row to predict would count as missed
    wanted = np.flatnonzero(np.diff(truth.indptr))
    return truth[wanted], {name: rows[wanted] for name, rows in histories.items()}


def _common(matrix: sparse.csr_matrix, other: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return the entries of ``matrix`` that ``other`` stores too."""
    return sparse.csr_matrix(matrix.multiply(other.astype(bool)))
