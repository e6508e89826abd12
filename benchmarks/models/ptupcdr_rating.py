"""PTUPCDR for ratings, as in the paper: squared error on the target rows of linked users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.model import MODELS, Scores
from benchmarks.models._deep import DeepModel
from benchmarks.models._factors import with_one
from benchmarks.models.emcdr_rating import RatingEMCDR
from benchmarks.models.ptupcdr import PTUPCDR


@MODELS.register("ptupcdr rating")
@dataclass
class RatingPTUPCDR(PTUPCDR):
    """The factors are those at which EMCDR did best on ``valid``."""

    factors: int = 16
    factors_lr: float = 0.015
    factors_decay: float = 0.2
    batch: int = 512

    kind = "rating"
    grid: ClassVar = {"factors": (8, 32), "lr": (0.0005, 0.002), "factors_decay": (0.1, 0.3)}

    def first_stage(self) -> DeepModel:
        clock = {"seconds": self.seconds / 2, "patience": self.patience, "max_epochs": self.max_epochs}
        return RatingEMCDR(
            seed=self.seed, factors=self.factors, lr=self.factors_lr, decay=self.factors_decay, **clock
        )

    def loss(self, mapped: Tensor, items: Tensor, weights: Tensor) -> Tensor:
        return ((mapped * self.target_.items[items]).sum(1) + self.target_.mean - weights).square().mean()

    def map(self, people: Tensor) -> Tensor:
        return with_one(super().map(people))

    def scores_of(self, people: NDArray[np.int64]) -> Scores:
        return super().scores_of(people) + np.float32(self.target_.mean)
