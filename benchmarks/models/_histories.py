"""The histories of users as a table of item numbers, for networks that look at each item."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from torch import Tensor


class Histories:
    """At most ``length`` items of each user, drawn at random where there are more, padded where fewer."""

    def __init__(self, matrix: sparse.csr_matrix, length: int, seed: int) -> None:
        rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        order = np.lexsort((np.random.default_rng(seed).random(matrix.nnz), rows))
        place = np.arange(matrix.nnz) - matrix.indptr[:-1].repeat(np.diff(matrix.indptr))
        kept = place < length
        table = np.full((matrix.shape[0], length), -1, dtype=np.int64)
        table[rows[kept], place[kept]] = matrix.indices[order][kept]
        self.table = torch.from_numpy(table)

    def of(self, people: Tensor) -> tuple[Tensor, Tensor]:
        """Return item numbers and which of them are real, (n, length) each."""
        items = self.table[people]
        return items.clamp(min=0), items >= 0
