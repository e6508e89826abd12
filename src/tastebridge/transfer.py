"""Does a source help? Blends weighed out of fold, against the best that needs no source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone

from tastebridge._dense import dense_top_k
from tastebridge.blend import StackingBlend
from tastebridge.intervals import Interval, paired_difference
from tastebridge.metrics import ndcg
from tastebridge.model import Array, Segment
from tastebridge.routes import FittedRoute
from tastebridge.stacking import Fold, Lists

Mask = NDArray[np.bool_]
_CUTOFF = 10
_STEP = 512


class Evidence(NamedTuple):
    """What out-of-fold people of one segment say.

    Attributes
    ----------
    sources : DataFrame
        A row a source: lift and marginal with their intervals, gain, verdict, kept.
    people : ndarray
        The numbers of the judged people.
    values : dict of name to ndarray
        NDCG@10 of every judged person: ``popularity``, ``without transfer`` and ``blend``.
    baseline : str
        The better of the first two.
    """

    sources: pd.DataFrame
    people: NDArray[np.int64]
    values: dict[str, Array]
    baseline: str


def weigh(
    blend: StackingBlend,
    lists: Lists,
    folds: Sequence[Fold],
    routes: Sequence[FittedRoute],
    target: str,
    sources: Sequence[str],
    rng: np.random.Generator,
) -> tuple[Segment, Evidence]:
    """Fit the blend of one segment and judge every source.

    The people are dealt into two halves; each is judged by a blend fitted on the other, once with all routes
    and once with those that need no source. A source *gains* what its routes add to the log-likelihood of the
    held-out items over the latter, and *lifts* NDCG@10 over the better of popularity and the latter. It is
    kept if the interval of its gain or of its lift lies above zero and its lift is not below; the final blend
    is fitted on everybody with what is kept.
    """
    groups = masks(routes, target, sources)
    base = groups["popularity"] | groups["within"]
    everything = np.ones(len(routes), dtype=bool)
    halves = _halves(lists.people, rng)
    fitted = {
        name: [_fit(blend, lists, mask, ~half) for half in halves]
        for name, mask in (("all", everything), ("base", base))
    }
    gains = _gains(fitted, lists, halves, {name: base | groups[f"from {name}"] for name in sources})
    values, people = _judge(fitted, folds, halves, lists.people, groups, sources)
    baseline = max(("popularity", "without transfer"), key=lambda name: np.nanmean(values[name]))
    table = pd.DataFrame([_row(name, values, values[baseline], gains[name]) for name in sources])
    kept = base.copy()
    for name in table.loc[table["kept"], "source"]:
        kept |= groups[f"from {name}"]
    if table["kept"].any():
        kept |= groups["joint"]
    final = _fit(blend, lists, kept, np.ones(len(lists.people), dtype=bool))
    only = {name: values[name] for name in ("popularity", "without transfer", "blend")}
    return Segment(final, kept), Evidence(table, people, only, baseline)


def masks(routes: Sequence[FittedRoute], target: str, sources: Sequence[str]) -> dict[str, Mask]:
    """Return which routes are popularity, within the target, of each source, and of several at once.

    With a single source the joint route is that source's.
    """
    of = [frozenset(route.sources) - {target} for route in routes]
    out = {"popularity": np.array([not route.sources for route in routes])}
    out["within"] = np.array([not others for others in of]) & ~out["popularity"]
    for name in sources:
        out[f"from {name}"] = np.array([others == {name} for others in of])
    out["joint"] = np.array([len(others) > 1 for others in of])
    return out


def _halves(people: NDArray[np.int64], rng: np.random.Generator) -> list[Mask]:
    """Return two masks of rows that split the people."""
    everyone = np.unique(people)
    first = np.isin(people, rng.permutation(everyone)[: len(everyone) // 2])
    return [first, ~first]


def _fit(blend: StackingBlend, lists: Lists, routes: Mask, people: Mask) -> StackingBlend:
    """Return the blend of some routes on some people's lists; the other routes have weight zero."""
    width = len(lists.y) // len(lists.people)
    rows = np.repeat(people if people.any() else ~people, width)
    X = lists.X[rows] * routes
    return clone(blend).fit(X, lists.y[rows], lists.groups[rows], lists.gates[rows])


def _gains(
    fitted: Mapping[str, Sequence[StackingBlend]],
    lists: Lists,
    halves: Sequence[Mask],
    selections: Mapping[str, Mask],
) -> dict[str, Interval]:
    """Return for each selection of routes the gain in log-likelihood per held-out item over the base."""
    width = len(lists.y) // len(lists.people)
    gain = {name: np.zeros(len(lists.people)) for name in selections}
    for at, half in enumerate(halves):
        rows = np.repeat(half, width)
        X, gates = lists.X[rows], lists.gates[rows]
        scored = X * fitted["all"][at].weights(gates)
        reference = _log_likelihood((X * fitted["base"][at].weights(gates)).sum(axis=1), width)
        for name, mask in selections.items():
            gain[name][half] = _log_likelihood(scored[:, mask].sum(axis=1), width) - reference
    zero = np.zeros(len(lists.people))
    return {name: paired_difference(values, zero, people=lists.people) for name, values in gain.items()}


def _log_likelihood(scores: Array, width: int) -> Array:
    """Return the log-softmax of the first entry of every list."""
    S = scores.reshape(-1, width)
    S = S - S.max(axis=1, keepdims=True)
    return np.asarray(S[:, 0] - np.log(np.exp(S).sum(axis=1)))


def _judge(
    fitted: Mapping[str, Sequence[StackingBlend]],
    folds: Sequence[Fold],
    halves: Sequence[Mask],
    people: NDArray[np.int64],
    groups: Mapping[str, Mask],
    sources: Sequence[str],
) -> tuple[dict[str, Array], NDArray[np.int64]]:
    """Return NDCG@10 of every held person for every selection of routes, each person by the other half."""
    first = np.unique(people[halves[0]])
    names = list(groups)
    every = frozenset(names)
    within = frozenset({"popularity", "within"})
    selections = {"popularity": ("base", frozenset({"popularity"})), "without transfer": ("base", within)}
    selections["blend"] = ("all", every)
    for name in sources:
        selections[f"with {name}"] = ("all", within | {f"from {name}"})
        selections[f"less {name}"] = ("all", every - {f"from {name}"})
    parts: dict[str, list[Array]] = {name: [] for name in selections}
    judged = []
    for fold in folds:
        half = np.isin(fold.held.people, first)
        weights = {
            kind: np.where(half[:, None], *(blend.weights(fold.gates) for blend in pair))
            for kind, pair in fitted.items()
        }
        for start in range(0, len(half), _STEP):
            rows = slice(start, start + _STEP)
            scores = {
                kind: {name: _scores(fold, W, mask, rows) for name, mask in groups.items()}
                for kind, W in weights.items()
            }
            for name, (kind, chosen) in selections.items():
                total = np.sum([scores[kind][group] for group in names if group in chosen], axis=0)
                parts[name].append(_ndcg(total, fold, rows))
    judged = np.concatenate([fold.held.people for fold in folds])
    return {name: np.concatenate(value) for name, value in parts.items()}, judged


def _scores(fold: Fold, weights: Array, routes: Mask, rows: slice) -> NDArray[np.float32]:
    """Return the blended scores of some routes for some people, every item."""
    scores = np.zeros((len(weights[rows]), fold.seen.shape[1]), dtype=np.float32)
    for column in np.flatnonzero(routes & weights.any(axis=0)):
        Z = fold.vectors[column][rows] * weights[rows, column][:, None]
        scores += Z.astype(np.float32) @ fold.items[column].T
    return scores


def _ndcg(scores: NDArray[np.float32], fold: Fold, rows: slice) -> Array:
    """Return NDCG@10 of some people, every item ranked but those they have."""
    seen = fold.seen[rows].tocoo()
    scores[seen.row, seen.col] = -np.inf
    return ndcg(dense_top_k(scores, _CUTOFF)[0], fold.held.hidden[rows], _CUTOFF)


def _row(source: str, values: Mapping[str, Array], baseline: Array, gain: Interval) -> dict[str, object]:
    lift = paired_difference(values[f"with {source}"], baseline)
    marginal = paired_difference(values["blend"], values[f"less {source}"])
    verdict = "helps" if lift.low > 0 else "hurts" if lift.high < 0 else "no evidence"
    return {
        "source": source,
        "lift": lift.mean,
        "lift_low": lift.low,
        "lift_high": lift.high,
        "marginal": marginal.mean,
        "marginal_low": marginal.low,
        "marginal_high": marginal.high,
        "gain": gain.mean,
        "gain_low": gain.low,
        "gain_high": gain.high,
        "verdict": verdict,
        "kept": bool((lift.low > 0 or gain.low > 0) and lift.mean >= 0),
    }
