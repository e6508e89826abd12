"""PTUPCDR: a meta-network makes every user's own bridge (Zhu et al., WSDM 2022)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor, nn

from benchmarks.model import MODELS, Scores
from benchmarks.models._deep import DeepModel, Step, batches, bpr_loss
from benchmarks.models._histories import Histories
from benchmarks.models._mixing import MixingModel
from benchmarks.models.emcdr import EMCDR
from benchmarks.task import source_matrix
from benchmarks.validation import Judge
from tastebridge.data import Panel
from tastebridge.splits import linked_users


class MetaBridge(nn.Module):
    r"""A characteristic encoder and a meta-network, as in the authors' code.

    The encoder gives each item of the history a weight, :math:`a = \mathrm{softmax}(h(v_j))`, and sums them,
    :math:`p_u = \sum_j a_j v_j`; the meta-network turns :math:`p_u` into a matrix, and
    :math:`\hat z_t = z_s W(p_u)`.
    """

    def __init__(self, size: int, hidden: int) -> None:
        super().__init__()
        self.size = size
        self.attention = nn.Sequential(nn.Linear(size, size), nn.ReLU(), nn.Linear(size, 1, bias=False))
        self.meta = nn.Sequential(nn.Linear(size, hidden), nn.ReLU(), nn.Linear(hidden, size * size))

    def forward(self, users: Tensor, history: Tensor, real: Tensor) -> Tensor:
        """Map source ``users`` (n, size) with their ``history`` (n, length, size), of which some are real."""
        weight = self.attention(history).squeeze(2).masked_fill(~real, -1e8).softmax(1)
        matrices = self.meta((weight[:, :, None] * history).sum(1)).view(-1, self.size, self.size)
        return torch.bmm(users[:, None, :], matrices).squeeze(1)


@MODELS.register("ptupcdr")
@dataclass
class PTUPCDR(MixingModel):
    """Task-oriented: the meta-network learns from the target rows of linked users, the factors stay.

    The factors are those at which EMCDR did best on ``valid``. The paper's task is ratings and squared error;
    for interactions the loss is BPR, as everywhere here.
    """

    factors: int = 64
    factors_lr: float = 0.02
    factors_decay: float = 0.03
    hidden: int = 50
    lr: float = 0.001
    decay: float = 1e-4
    batch: int = 1024
    length: int = 20
    """The latest items of a history that are looked at; random ones here, as there are no times."""

    grid: ClassVar = {"factors": (32, 64), "lr": (0.0005, 0.002), "decay": (1e-5, 1e-3)}

    def _train(self, panel: Panel, target: str, judge: Judge | None, epochs: int) -> int:
        """Train the factors on this panel, then the meta-network; without a judge as long as was best."""
        start = time.perf_counter()
        first = self.first_stage()
        found = first._train(panel, target, judge, self.max_epochs if judge else self.notes["first_epochs"])
        seconds, self.first_ = time.perf_counter() - start, first
        best = super()._train(panel, target, judge, epochs)
        if judge is not None:
            self.notes["first_epochs"] = found
            self.notes["best_seconds"] = round(self.notes["best_seconds"] + seconds, 2)
        return best

    def first_stage(self) -> DeepModel:
        """Return the model whose factors are taken."""
        clock = {"seconds": self.seconds / 2, "patience": self.patience, "max_epochs": self.max_epochs}
        return EMCDR(
            seed=self.seed, factors=self.factors, lr=self.factors_lr, decay=self.factors_decay, **clock
        )

    def start(self, panel: Panel, target: str) -> Step:
        given = self.first_.network_
        self.source_, self.target_ = (
            given["source"].requires_grad_(False),
            given["target"].requires_grad_(False),
        )
        self.matrices_ = (source_matrix(panel, target), panel[target].matrix)
        self.histories_ = Histories(self.matrices_[0], self.length, self.seed)
        self.network_ = MetaBridge(self.source_.items.shape[1], self.hidden)
        return self._trainer(self.matrices_[1], linked_users(panel, target))

    def _trainer(self, matrix: sparse.csr_matrix, linked: NDArray[np.int64]) -> Step:
        rows = matrix[linked].tocoo()
        people, items = torch.from_numpy(linked[rows.row]), torch.from_numpy(rows.col.astype(np.int64))
        weights = torch.from_numpy(rows.data.astype(np.float32))
        optimizer = torch.optim.Adam(self.network_.parameters(), lr=self.lr, weight_decay=self.decay)

        def step() -> None:
            for chosen in batches(len(people), self.batch):
                loss = self.loss(self.map(people[chosen]), items[chosen], weights[chosen])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

        return step

    def loss(self, mapped: Tensor, items: Tensor, weights: Tensor) -> Tensor:
        """Return how badly the mapped users order what they took above what they did not."""
        others = torch.randint(len(self.target_.items), (len(items),))
        return bpr_loss(mapped, self.target_.items[items], self.target_.items[others], 0.0)

    def map(self, people: Tensor) -> Tensor:
        """Return the vectors of users in the target, made of what they did in the source."""
        items, real = self.histories_.of(people)
        return self.network_(self.source_.of(people), self.source_.items[items], real)

    @torch.no_grad()
    def scores_of(self, people: NDArray[np.int64]) -> Scores:
        mapped = torch.cat([self.map(some) for some in torch.from_numpy(people).split(1024)])
        own = self.target_.of(torch.from_numpy(people))
        vectors = self.mixed(mapped, own, self.matrices_[1], people)
        return (vectors @ self.target_.items.T).numpy()
