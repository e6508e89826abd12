"""Held-out events: the rows to predict for their users, and the histories to predict from."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from tastebridge._foundation.warnings import warn_of_data
from tastebridge._numerics.cells import only, stored_in
from tastebridge.data import Panel
from tastebridge.data.history_encoder import Rows
from tastebridge.data.types import Events
from tastebridge.online.state import FittedState


def held_out(state: FittedState, panel: Panel | None, events: Events) -> tuple[sparse.csr_matrix, Rows]:
    """Return the target rows to predict (n_users, n_items) and the histories to rank by.

    Users of the fit are ranked by their history in the fit plus the sources in ``events``, other users by the
    sources in ``events`` alone. Users without target rows in ``events`` are left out. Rows that the fit knows
    are no truth: an item that a user has is never recommended.

    Parameters
    ----------
    state : FittedState
    panel : Panel or None
        The users of the fit.
    events : Panel or frame

    Warns
    -----
    TastebridgeWarning
        If rows are left out because the fit knows them.
    """
    fresh, given = state.encoder.fold_in(events, "skip", quiet=True)
    truth = given[state.target]
    # the rows to predict must not be in the histories
    histories = {**given, state.target: sparse.csr_matrix(truth.shape, dtype=np.float32)}
    if panel is not None:
        at = panel.users.numbers(fresh.users.ids, missing="negative")
        known = state.encoder.rows_of(panel, at)
        had = stored_in(truth, known[state.target])
        if had.any():
            warn_of_data(
                f"{np.count_nonzero(had):,} of {truth.nnz:,} rows of {state.target!r} to find are rows of "
                "the fit, which are never recommended; they are left out. Pass only events that the fit has "
                "not seen."
            )
        truth = only(truth, ~had)
        # Pairs in both count once, with the weight of the fit: adding them would double it.
        more = {name: only(rows, ~stored_in(rows, known[name])) for name, rows in histories.items()}
        histories = {name: known[name] + rows for name, rows in more.items()}
    # users without a row to predict would count as missed
    wanted = np.flatnonzero(np.diff(truth.indptr))
    return truth[wanted], {name: rows[wanted] for name, rows in histories.items()}
