"""Tables of the sources and routes of a fit, and the warning about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from tastebridge.fitting.plan import BRIDGES
from tastebridge.fitting.sources_in_time import LIFTS, VERDICT
from tastebridge.model import Segment
from tastebridge.model.evidence import TOGETHER, Evidence
from tastebridge.routes import FittedRoute
from tastebridge.routes.twins import WITHOUT

_COLUMNS = ["source", "linked", "lift", "lift_low", "lift_high", "canonical_correlation", "verdict", "kept"]
_COLUMNS += [f"{name}{WITHOUT}" for name in ("lift", "lift_low", "lift_high")]
_IN_TIME = [*LIFTS, VERDICT]
_COLUMNS += ["marginal", "marginal_low", "marginal_high", "gain", "gain_low", "gain_high", "bridge"]


def source_table(
    evidence: Evidence | None, linked: Mapping[str, int], standing: bool, n_linked: int = 0
) -> pd.DataFrame:
    """Return one row per source, in the order of ``linked``, for users new to the target.

    With more than one source, a last row is of all of them together.

    Parameters
    ----------
    evidence : Evidence, optional
        The evaluation on held-out users; None where there are too few.
    linked : mapping of source to int
        The number of users in both the source and the target.
    standing : bool
        Whether users of the target were used as pseudo-overlapping users. They are no evidence about the
        users of a source, so no verdict is given.
    n_linked : int, default=0
        The number of users in the target and in any source.
    """
    if evidence is None:
        table = pd.DataFrame({"source": list(linked), "verdict": "no evidence", "kept": False})
        if len(linked) > 1:
            table.loc[len(table)] = [TOGETHER, "no evidence", False]
    else:
        table = evidence.sources.copy()
    if standing:
        table = table[["source", "kept"]].assign(verdict="no evidence")
    columns = [*_COLUMNS, *(name for name in _IN_TIME if name in table)]
    return table.assign(linked=[*linked.values(), n_linked][: len(table)]).reindex(columns=columns)


def of_single_sources(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of ``transfer_`` that are of one source, without those of all together.

    The row of all together is the last one of a target. So a category may have the same name.

    Examples
    --------
    >>> rows = pd.DataFrame({"source": ["books", "all together", "all together"]})
    >>> of_single_sources(rows)["source"].tolist()
    ['books', 'all together']
    """
    targets = table["target"] if "target" in table else pd.Series("", index=table.index)
    size = targets.groupby(targets, sort=False).transform("size")
    last = (size > 2) & ~targets.duplicated(keep="last") & (table["source"] == TOGETHER)
    return table[~last]


def warning_of(table: pd.DataFrame, target: str, standing: bool) -> str:
    """Return the warning that no source helps, or that the accuracy is unknown; "" for none."""
    if not table["kept"].any():
        return (
            f"no source helps for {target!r} out of fold; users without a history there get popular items. "
            "See transfer_."
        )
    if not standing:
        return ""
    few = "too few users are" if table["linked"].any() else "no users are"
    return (
        f"{few} both in a source and in the target {target!r}, so the accuracy for users of a source is not "
        "known. See transfer_."
    )


def carried_by(segment: Segment, routes: Sequence[FittedRoute], source: str, target: str) -> str:
    """Return the bridges from a source with at least 1 % of all weight, as ``"users + items"``.

    "" asks for the bridges from all sources.
    """
    weights = segment.blend.weights() * segment.blend.scale_ * segment.kept
    share = dict.fromkeys(BRIDGES, 0.0)
    for weight, route in zip(weights, routes, strict=True):
        if source in route.sources or (not source and set(route.sources) - {target}):
            share[route.bridge] += weight
    return " + ".join(bridge for bridge, part in share.items() if part > 0.01 * weights.sum())


def route_table(segments: Mapping[str, Segment], routes: Sequence[FittedRoute], target: str) -> pd.DataFrame:
    """Return one row per route: name, mean weight for each kind of users, and bridge."""
    weights = {name: segment.blend.weights() * segment.kept for name, segment in segments.items()}
    bridges = [route.bridge if set(route.sources) - {target} else "" for route in routes]
    return pd.DataFrame({"route": [route.name for route in routes], **weights, "bridge": bridges})
