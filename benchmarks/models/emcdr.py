"""EMCDR: factors of each category, and a neural map between them (Man et al., IJCAI 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmarks.model import MODELS, Scores
from benchmarks.models._deep import Step, batches
from benchmarks.models._factors import BPRTrainer, Factors
from benchmarks.models._mixing import MixingModel
from benchmarks.task import source_matrix
from tastebridge.data import Panel
from tastebridge.splits import linked_users


class Bridge(nn.Module):
    """The paper's map: one hidden layer of twice the size, tanh."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(size, 2 * size), nn.Tanh(), nn.Linear(2 * size, size))

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        return self.layers(vectors)


def train_bridge(bridge: nn.Module, X: torch.Tensor, Y: torch.Tensor, epochs: int, lr: float) -> None:
    """Fit ``bridge(X)`` to ``Y`` by mean squared error, Adam."""
    optimizer = torch.optim.Adam(bridge.parameters(), lr=lr)
    for _ in range(epochs):
        for rows in batches(len(X), 256):
            loss = nn.functional.mse_loss(bridge(X[rows]), Y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


@MODELS.register("emcdr")
@dataclass
class EMCDR(MixingModel):
    """Every check trains the factors for ``stride`` epochs, then the map anew, and judges the whole.

    So the number of epochs of the factors is chosen by what the map makes of them. The paper serves users
    without target rows; those who have some get their own vector beside the mapped one, mixed as ``valid``
    likes it best.
    """

    factors: int = 64
    lr: float = 0.02
    decay: float = 0.03
    batch: int = 4096
    stride: int = 3
    map_epochs: int = 15
    map_lr: float = 0.003

    grid: ClassVar = {"factors": (32, 128), "lr": (0.01, 0.02), "decay": (0.01, 0.03, 0.1)}

    def start(self, panel: Panel, target: str) -> Step:
        self.matrices_ = (source_matrix(panel, target), panel[target].matrix)
        source, own = (Factors(matrix, self.factors) for matrix in self.matrices_)
        self.network_ = nn.ModuleDict({"source": source, "target": own, "bridge": Bridge(self.factors)})
        trainers = [
            BPRTrainer(model, matrix, self.lr, self.decay, self.batch)
            for model, matrix in zip((source, own), self.matrices_, strict=True)
        ]
        linked = torch.from_numpy(linked_users(panel, target))

        def step() -> None:
            for _ in range(self.stride):
                for trainer in trainers:
                    trainer.epoch()
            self.network_["bridge"] = Bridge(self.factors)
            X, Y = source.of(linked).detach(), own.of(linked).detach()
            train_bridge(self.network_["bridge"], X, Y, self.map_epochs, self.map_lr)

        return step

    def map(self, people: torch.Tensor) -> torch.Tensor:
        """Return the vectors of users in the target, made of their source vectors."""
        return self.network_["bridge"](self.network_["source"].of(people))

    @torch.no_grad()
    def scores_of(self, people: NDArray[np.int64]) -> Scores:
        numbers = torch.from_numpy(people)
        mapped = self.map(numbers)
        own = self.network_["target"].of(numbers)
        vectors = self.mixed(mapped, own, self.matrices_[1], people)
        return (vectors @ self.network_["target"].items.T).numpy()
