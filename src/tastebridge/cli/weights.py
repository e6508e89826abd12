"""The option ``--weighting``, and the line a screen shows on the weights of events."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from tastebridge.data import Panel, Weighting
from tastebridge.fitting.weighting_choice import varies
from tastebridge.online.weighting_figures import described, weighting_sentence
from tastebridge.recommenders.attributes import shared_of
from tastebridge.recommenders.interest_mapper import InterestMapper

AUTO = "auto"
WeightingOption = Annotated[
    Literal["auto", "binary", "log", "bm25", "none"],
    typer.Option(
        "--weighting",
        help="Weights of events: all alike, log(1 + w), BM25 or as they are; auto takes the best.",
    ),
]


def weighting_of(option: str) -> Weighting | None:
    """Return the weighting of an option; None lets the fit choose."""
    return None if option == AUTO else Weighting(option)  # type: ignore[arg-type]


def weights_line(mapper: InterestMapper, panel: Panel, option: str) -> str:
    """Return a line on the weights: the scheme in use, or why they are ignored; "" if all are equal."""
    shared = shared_of(mapper)
    if not varies(panel):
        return "" if option in (AUTO, "binary") else "All weights are equal: --weighting changes little."
    if option != AUTO:
        return f"Weights: {described(option)}, by --weighting."
    if said := weighting_sentence(shared.encoder.weighting, shared.tables):
        return said
    why = (
        "a choice is not part of a --time-budget"
        if mapper.time_budget is not None
        else "fewer than 50 users are in the target and in another category"
    )
    return f"Weights are ignored, every event counts alike: {why}. Choose one with --weighting."
