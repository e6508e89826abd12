"""The weighting of a fit: the one given, or a scheme chosen out of fold, and its half-life."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd
from sklearn.base import clone

from tastebridge._foundation.validation import check_type
from tastebridge._numerics.threads import one_blas_thread
from tastebridge.data import Panel, Weighting
from tastebridge.exceptions import InvalidParameterError
from tastebridge.fitting.weighting_choice import choose_weighting
from tastebridge.online.weighting_figures import weighting_sentence
from tastebridge.recommenders.attributes import shared_of
from tastebridge.recommenders.time_decay import choose_half_life, half_lives_of

if TYPE_CHECKING:
    from tastebridge.recommenders.base import Recommender
    from tastebridge.recommenders.interest_mapper import InterestMapper


def chosen_weighting(
    mapper: InterestMapper, panel: Panel, targets: Sequence[str]
) -> tuple[Weighting, dict[str, pd.DataFrame]]:
    """Return the weighting of a fit, and the tables of the schemes and the half-lives that were tried.

    A scheme is tried only where none is given and weights differ; a half-life only with ``recency``.
    """
    tables: dict[str, pd.DataFrame] = {}
    usual = Weighting("binary")
    if mapper.weighting is not None:
        usual = clone(check_type("weighting", mapper.weighting, Weighting, 'Weighting("log")'))
    elif mapper.time_budget is None:
        # the bits of a product depend on the number of BLAS threads
        with one_blas_thread():
            scheme, table = choose_weighting(panel, targets, mapper.random_state)
        usual = Weighting(scheme)
        if len(table):
            tables["weightings_"] = table
    if mapper.recency is None:
        return usual, tables
    if usual.half_life is not None:
        raise InvalidParameterError(
            f"recency chooses the half-life, and the weighting has one, {usual.half_life:g}. Leave one of "
            "them None."
        )
    half_lives = half_lives_of(mapper.recency, panel)
    make = partial(_aged, mapper, usual)
    half_life, tables["recency_"] = choose_half_life(make, panel, targets, half_lives)
    # the half-life comes after the scheme: both could not be told apart in one test
    return clone(usual).set_params(half_life=half_life), tables


def _aged(mapper: InterestMapper, usual: Weighting, half_life: float | None) -> InterestMapper:
    """Return a mapper with one fold and a half-life, used for the comparison only."""
    weighting = clone(usual).set_params(half_life=half_life)
    # the panel has the weights of types of event already
    rest = {"event_weights": None, "recency": None, "verbose": False}
    return clone(mapper).set_params(weighting=weighting, n_folds=1, **rest)


def ignored_event_weights(recommender: Recommender) -> list[str]:
    """Return a warning if weights of types of event were given, and the weighting of the fit ignores them."""
    given = recommender.event_weights
    if not given or recommender.weighting_.scheme != "binary":
        return []
    # types of weight 0 are left out, whatever the weighting
    counted = {weight for weight in given.values() if weight}
    if len(counted) < 2:  # all types alike, as asked
        return []
    shared = shared_of(recommender)
    why = weighting_sentence(shared.encoder.weighting, shared.tables) if recommender.weighting is None else ""
    why = why or "Weights are ignored, all events count equally: the weighting is binary."
    which = "event_weights above 0" if 0 in given.values() else "event_weights"
    return [f'{which} have no effect. {why} Decide with weighting=Weighting("log"), for example.']
