"""EMCDR for ratings: factors by squared error, the same neural map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmarks.model import MODELS, Scores
from benchmarks.models._deep import Step
from benchmarks.models._factors import RatingFactors, RatingTrainer, with_one
from benchmarks.models.emcdr import EMCDR, Bridge, train_bridge
from benchmarks.task import source_matrix
from tastebridge.data import Panel
from tastebridge.splits import linked_users


@MODELS.register("emcdr rating")
@dataclass
class RatingEMCDR(EMCDR):
    """The paper's MF, with biases added, which the paper does not have; see :class:`RatingFactors`."""

    factors: int = 16
    lr: float = 0.015
    decay: float = 0.2
    batch: int = 1024
    stride: int = 2
    map_epochs: int = 60

    kind = "rating"
    grid: ClassVar = {"factors": (8, 32), "lr": (0.005, 0.015), "decay": (0.1, 0.3, 1.0)}

    def start(self, panel: Panel, target: str) -> Step:
        self.matrices_ = (source_matrix(panel, target), panel[target].matrix)
        source, own = (RatingFactors(matrix, self.factors) for matrix in self.matrices_)
        size = self.factors + 2
        self.network_ = nn.ModuleDict({"source": source, "target": own, "bridge": Bridge(size)})
        trainers = [
            RatingTrainer(model, matrix, self.lr, self.decay, self.batch)
            for model, matrix in zip((source, own), self.matrices_, strict=True)
        ]
        linked = torch.from_numpy(linked_users(panel, target))

        def step() -> None:
            for _ in range(self.stride):
                for trainer in trainers:
                    trainer.epoch()
            self.network_["bridge"] = Bridge(size)
            X, Y = source.of(linked).detach(), own.of(linked).detach()
            train_bridge(self.network_["bridge"], X, Y, self.map_epochs, self.map_lr)

        return step

    def map(self, people: torch.Tensor) -> torch.Tensor:
        return with_one(super().map(people))

    def scores_of(self, people: NDArray[np.int64]) -> Scores:
        return super().scores_of(people) + np.float32(self.network_["target"].mean)
