"""A compressed state of one target, and its loss of accuracy."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from tastebridge._foundation.validation import check_count
from tastebridge.data import Panel
from tastebridge.data.types import Events
from tastebridge.exceptions import InvalidDataError
from tastebridge.online.state import COMPRESSED, FittedState
from tastebridge.recommenders import compression
from tastebridge.recommenders.held_out import held_out


class Request(NamedTuple):
    """The parameters of :meth:`tastebridge.InterestMapper.compress`."""

    n_components: int | None
    dtype: str
    events: Events | None
    random_state: int


def compressed(state: FittedState, panel: Panel | None, request: Request) -> FittedState:
    """Return the state with a smaller model, and a table ``compression_`` of the loss."""
    model = state.scorer.model
    if request.n_components is not None:
        check_count("n_components", request.n_components, 2, model.item_vectors().shape[1] - 1)
    # one generator for the halves and the projection: the seed decides both
    rng = np.random.default_rng(request.random_state)
    ground = _ground(state, panel, request.events, rng)
    if not ground.lists:
        raise InvalidDataError(
            "there are no users to evaluate the compressed model on. Pass events= with rows in the target."
        )
    small, table = compression.compressed(model, request.n_components, request.dtype, ground, rng)
    return replace(
        state,
        scorer=replace(state.scorer, model=small),  # type: ignore[type-var]
        tables={**state.tables, "compression_": table},
        statistics=None,
        no_statistics=COMPRESSED,
    )


def _ground(
    state: FittedState, panel: Panel | None, events: Events | None, rng: np.random.Generator
) -> compression.Ground:
    """Return users to fit the compression on, and other users to evaluate the result on."""
    target = state.target
    if events is None:
        if panel is None:
            raise InvalidDataError(
                "this mapper was loaded without users, so there are no users to compress for. Pass events= "
                "with "
                "rows in the target, or save it with save(path, with_users=True)."
            )
        histories = state.encoder.rows(panel, keep=True)
        # one half shapes the projection, the other judges it: never the same users
        learned, judged = np.array_split(rng.permutation(len(panel)), 2)
        lists = compression.hidden_lists(histories, target, np.sort(judged), rng)
        return compression.Ground(histories, learned, lists, "people of the fit")
    # held-out users are judged; users of the fit, if there are any, shape the projection
    truth, given = held_out(state, panel, events)
    judged = np.arange(truth.shape[0])
    if panel is not None:
        histories = state.encoder.rows(panel, keep=True)
        learned = np.arange(len(panel))
    else:
        histories = given
        learned, judged = np.array_split(rng.permutation(truth.shape[0]), 2)
    held = compression.Lists({name: rows[judged] for name, rows in given.items()}, truth[judged])
    lists = compression.kinds_of(held, target)
    return compression.Ground(histories, learned, lists, "held-out events")
