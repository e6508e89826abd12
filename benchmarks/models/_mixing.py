"""For users who have target rows: the mapped vector and their own, mixed as ``valid`` likes it best."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.models._deep import DeepModel
from benchmarks.validation import Judge

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


class MixingModel(DeepModel):
    """A model that maps users from the source; the papers say nothing of those who need no map."""

    mix_: float = 0.5
    """The share of the mapped vector; 0 is the target's own factors alone."""

    def settle(self, judge: Judge) -> None:
        """Choose the share on ``valid``, with the epochs chosen."""
        found = []
        for share in SHARES:
            self.mix_ = share
            found.append(judge(self.scores_of(judge.user_numbers)))
        self.mix_ = SHARES[int(np.argmax(found))]
        self.notes["valid"] = round(max(found), 5)

    def mixed(
        self, mapped: torch.Tensor, own: torch.Tensor, target: sparse.csr_matrix, people: NDArray[np.int64]
    ) -> torch.Tensor:
        """Return the mapped vectors, mixed with their own for those who have rows in ``target``."""
        known = torch.from_numpy(np.diff(target.indptr)[people] > 0)[:, None]
        return torch.where(known, self.mix_ * mapped + (1 - self.mix_) * own, mapped)
