"""What a fit tells of its sources and routes, as tables, and what it warns of."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import pandas as pd

from tastebridge.exceptions import TastebridgeWarning
from tastebridge.fitting.plan import BRIDGES
from tastebridge.fitting.source_evaluation import Evidence
from tastebridge.model import Segment
from tastebridge.routes import FittedRoute

_COLUMNS = ["source", "linked", "lift", "lift_low", "lift_high", "canonical_correlation", "verdict", "kept"]
_COLUMNS += ["marginal", "marginal_low", "marginal_high", "gain", "gain_low", "gain_high", "bridge"]


def source_table(evidence: Evidence | None, linked: Mapping[str, int], standing: bool) -> pd.DataFrame:
    """Return a row a source, in the order of ``linked``, for people new to the target.

    Parameters
    ----------
    evidence : Evidence, optional
        What held-out people say; None where there are too few.
    linked : mapping of source to int
        How many people are both there and in the target.
    standing : bool
        Whether people of the target stood in for those of the sources: that is no evidence, and no verdict
        is given.
    """
    if evidence is None:
        table = pd.DataFrame({"source": list(linked), "verdict": "no evidence", "kept": False})
    else:
        table = evidence.sources.copy()
    if standing:
        table = table[["source", "kept"]].assign(verdict="no evidence")
    return table.assign(linked=list(linked.values())).reindex(columns=_COLUMNS)


def warn_of(table: pd.DataFrame, target: str, standing: bool, stacklevel: int) -> None:
    """Warn where no source helps, or where none can be known to."""
    if not table["kept"].any():
        said = (
            f"no source helps for {target!r} out of fold; people without a history there get what is popular."
        )
    elif standing:
        said = (
            f"{'too few are' if table['linked'].any() else 'nobody is'} both in a source and in the target "
            f"{target!r}: how well people of a source are served is not known."
        )
    else:
        return
    warnings.warn(f"{said} See transfer_.", TastebridgeWarning, stacklevel=stacklevel + 1)


def carried_by(segment: Segment, routes: Sequence[FittedRoute], source: str) -> str:
    """Return the bridges from a source with a hundredth of all weight at least, as ``"users + items"``."""
    weights = segment.blend.weights() * segment.blend.scale_ * segment.kept
    share = dict.fromkeys(BRIDGES, 0.0)
    for weight, route in zip(weights, routes, strict=True):
        if source in route.sources:
            share[route.bridge] += weight
    return " + ".join(bridge for bridge, part in share.items() if part > 0.01 * weights.sum())


def route_table(segments: Mapping[str, Segment], routes: Sequence[FittedRoute], target: str) -> pd.DataFrame:
    """Return a row a route: its name, its mean weight for each kind of people, and its bridge."""
    weights = {name: segment.blend.weights() * segment.kept for name, segment in segments.items()}
    bridges = [route.bridge if set(route.sources) - {target} else "" for route in routes]
    return pd.DataFrame({"route": [route.name for route in routes], **weights, "bridge": bridges})
