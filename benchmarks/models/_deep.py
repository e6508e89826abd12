"""The training loop all deep models share: epochs, checks on ``valid``, the best state."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.model import Model, Scores
from benchmarks.models._stopping import Stopping
from benchmarks.task import Task
from benchmarks.validation import Judge
from tastebridge.data import Panel

Step = Callable[[], None]
"""One epoch of training, between two checks."""


@dataclass
class DeepModel(Model):
    """A PyTorch model on one thread, trained until ``valid`` stops improving.

    Where choosing hides rows that the judged model may learn from (warm users), the model is trained a
    second time on all of them, for the number of epochs found best.
    """

    patience: int = 5
    max_epochs: int = 200
    seconds: float = 900.0
    """The processor's clock stops training after this long; the run's notes say so."""

    role = "deep"
    seeded = True
    fast: ClassVar = {"seconds": 40.0}

    def fit(self, task: Task) -> Self:
        torch.set_num_threads(1)
        judge = Judge(task)
        epochs = self._train(task.valid_panel, task.target, judge, self.max_epochs)
        self.panel_ = task.valid_panel
        if task.panel is not task.valid_panel:
            self._train(task.panel, task.target, None, epochs)
            self.panel_ = task.panel
        return self

    def _train(self, panel: Panel, target: str, judge: Judge | None, epochs: int) -> int:
        """Train for at most so many epochs; return how many were best. Without a judge train for all."""
        torch.manual_seed(self.seed)
        step = self.start(panel, target)
        stopping = Stopping(self.patience, self.seconds)
        for epoch in range(1, epochs + 1):
            step()
            if judge is None:
                continue
            score = judge(self.scores_of(judge.user_numbers))
            if stopping.stop(epoch, score, self.network_.state_dict()):
                break
        if judge is not None:
            self.network_.load_state_dict(stopping.state)
            self.notes |= stopping.notes()
            self.settle(judge)
        return stopping.best_epoch

    network_: Any = field(init=False, repr=False)
    """All that is trained: a ``torch.nn.Module``."""

    def settle(self, judge: Judge) -> None:
        """Choose what is left to choose once the epochs are."""

    @abstractmethod
    def start(self, panel: Panel, target: str) -> Step:
        """Build ``network_`` anew and return what trains it for an epoch."""

    @abstractmethod
    def scores_of(self, people: NDArray[np.int64]) -> Scores:
        """Return the scores of users by number in the panel, as the network now stands."""

    def scores(self, user_ids: NDArray) -> Scores:
        return self.scores_of(self.panel_.users.numbers(user_ids))


def batches(n_rows: int, size: int) -> Iterator[torch.Tensor]:
    """Yield the numbers of all rows in random order, in batches."""
    yield from torch.randperm(n_rows).split(size)


def bpr_loss(
    user: torch.Tensor, liked: torch.Tensor, other: torch.Tensor, decay: float, *decayed: torch.Tensor
) -> torch.Tensor:
    r"""Return :math:`-\log\sigma(u\cdot(i-j))` and the squared length of ``decayed``, mean over rows.

    Reference: Rendle et al., "BPR: Bayesian personalized ranking from implicit feedback", UAI 2009.
    """
    margin = (user * (liked - other)).sum(1)
    size = sum(one.square().sum() for one in (decayed or (user, liked, other)))
    return -torch.nn.functional.logsigmoid(margin).mean() + decay * size / len(user)
