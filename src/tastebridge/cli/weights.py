"""The option ``--weighting``, and the line a screen shows on the weights of events."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from tastebridge.cli.reading import Reading
from tastebridge.data import Panel, Weighting, read_panel
from tastebridge.fitting.event_type_choice import choose_event_weights
from tastebridge.fitting.weighting_choice import varies
from tastebridge.online.weighting_figures import described, weighting_sentence
from tastebridge.recommenders.attributes import shared_of
from tastebridge.recommenders.interest_mapper import InterestMapper
from tastebridge.recommenders.multi_target.targets import ALL

AUTO = "auto"
_TOO_FEW = "too few users are in the target and in another category for a test"
WeightingOption = Annotated[
    Literal["auto", "binary", "log", "bm25", "none"],
    typer.Option(
        "--weighting",
        help="Weights of events: all equal, log(1 + w), BM25, or as given; auto chooses the best.",
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
    if shared.encoder.weighting.undated == "now":  # weights that carry ages: see data/ages.py
        why = "popularity changes with time here, so the ages of events are used in their place"
    elif mapper.time_budget is not None:
        why = "a choice is not part of a --time-budget"
    else:
        why = "fewer than 50 users are in the target and in another category"
    return f"Weights are ignored, all events count equally: {why}. Choose one with --weighting."


def with_chosen_events(reading: Reading, events: Path, target: list[str]) -> tuple[Reading, str]:
    """Return the reading with a number for each type of event, and a line, for ``--event-weight auto``."""
    if reading.event_weights is None or list(reading.event_weights) != [AUTO]:
        return reading, ""
    how = replace(reading, event_weights=None).how
    columns, policy, layout = how["columns"], how["policy"], how["reading"]
    targets = target
    if target == [ALL]:
        targets = list(read_panel(events, columns=columns, reading=layout, policy=policy).categories)
    weights, table = choose_event_weights(events, targets, columns, policy, layout)
    # as a user would have typed them, so that the next command has the same numbers
    words = [f"{kind}={weight:g}" for kind, weight in weights.items()]
    why = _TOO_FEW if not len(table) else "no other weights are significantly better"
    told = f"Types of event: {', '.join(words)}" + (f" ({why})." if set(weights.values()) == {1.0} else ".")
    return replace(reading, event_weights=words), told
