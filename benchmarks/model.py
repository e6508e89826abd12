"""The contract of every model of the suite, and its registry."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.registry import Registry
from benchmarks.task import Kind, Task

Scores = NDArray[np.float32]


class NotApplicable(Exception):
    """Raised by ``fit`` where a model cannot be used, such as for want of memory; says why."""


@dataclass
class Model(ABC):
    """A model: settings in the constructor, ``fit`` to a task, ``scores`` of users over all target items."""

    seed: int = 0
    notes: dict[str, Any] = field(default_factory=dict, init=False, repr=False)
    """Notes of ``fit``: epochs, the score on ``valid``, whether the clock stopped it."""

    role: ClassVar[Literal["baseline", "classical", "deep", "ours"]] = "classical"
    """``baseline`` transfers nothing: popularity, and models of the target alone."""
    kind: ClassVar[Kind] = "ranking"
    needs_history: ClassVar[bool] = False
    """Whether the model knows nothing of users without target rows; it is left out of cold tasks."""
    seeded: ClassVar[bool] = False
    """Whether another seed gives another result on the same split."""
    grid: ClassVar[Mapping[str, Sequence[Any]]] = {}
    """Settings ``benchmarks.tune`` tries, all combinations."""
    fast: ClassVar[Mapping[str, Any]] = {}
    """Settings of ``--fast``."""

    @abstractmethod
    def fit(self, task: Task) -> Self:
        """Learn from ``task.panel``; choose, where there is something to choose, by ``task.valid``."""

    @abstractmethod
    def scores(self, user_ids: NDArray) -> Scores:
        """Return users × target items, in the order of ``panel[target].items.ids``; only order counts."""


MODELS: Registry[type[Model]] = Registry("benchmarks.models")


def role_of(name: str) -> str:
    """Return the role of a model; one that is not registered here lacks PyTorch, so it is deep."""
    return MODELS[name].role if name in MODELS else "deep"


def with_popularity(scores: Scores, history: sparse.csr_matrix, popularity: NDArray[np.number]) -> Scores:
    """Return the scores with popularity for those who have no history, and to break ties for the others."""
    scores = np.asarray(scores, dtype=np.float32)
    share = (popularity / max(popularity.max(), 1)).astype(np.float32)
    size = np.abs(scores).max(axis=1, keepdims=True)
    scores += np.where(size > 0, np.float32(1e-6) * size, np.float32(1)) * share
    return scores
