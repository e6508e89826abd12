"""Matrix factorisation in PyTorch, by BPR for interactions and by squared error for ratings."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn
from torch.nn.functional import embedding

from benchmarks.models._deep import batches, bpr_loss


class Factors(nn.Module):
    """Vectors of the active users (rows) and items (columns) of a matrix."""

    places: Tensor

    def __init__(self, matrix: sparse.csr_matrix, size: int, scale: float = 0.1) -> None:
        super().__init__()
        active = np.flatnonzero(np.diff(matrix.indptr))
        places = np.full(matrix.shape[0], len(active))
        places[active] = np.arange(len(active))
        self.register_buffer("places", torch.from_numpy(places))
        self.users = nn.Parameter(torch.randn(len(active) + 1, size) * scale)
        self.items = nn.Parameter(torch.randn(matrix.shape[1], size) * scale)
        with torch.no_grad():
            self.users[-1] = 0  # those without rows share a vector of zeros

    def of(self, people: Tensor) -> Tensor:
        """Return the vectors of users by number."""
        return embedding(self.places[people], self.users)


class BPRTrainer:
    """Trains :class:`Factors` by BPR with negatives drawn uniformly, Adam."""

    def __init__(
        self, model: Factors, matrix: sparse.csr_matrix, lr: float, decay: float, batch: int
    ) -> None:
        self.model, self.decay, self.batch = model, decay, batch
        self.rows = torch.from_numpy(np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)))
        self.columns = torch.from_numpy(matrix.indices.astype(np.int64))
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr, fused=True)

    def epoch(self) -> None:
        """Visit every interaction once."""
        for rows in batches(len(self.rows), self.batch):
            others = torch.randint(len(self.model.items), (len(rows),))
            user = self.model.of(self.rows[rows])
            liked, other = (embedding(one, self.model.items) for one in (self.columns[rows], others))
            loss = bpr_loss(user, liked, other, self.decay)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()


class RatingFactors(Factors):
    r"""Factors with biases: :math:`\hat r = \mu + b_u + b_i + u\cdot i`, written as one inner product.

    The last two columns are :math:`(b_u, 1)` of users and :math:`(1, b_i)` of items, so that a map between
    categories carries the bias of a user as it carries their taste.
    """

    def __init__(self, matrix: sparse.csr_matrix, size: int) -> None:
        super().__init__(matrix, size + 2)
        self.mean = float(matrix.data.mean())
        with torch.no_grad():
            self.users[:, -2:] = torch.tensor([0.0, 1.0])
            self.items[:, -2:] = torch.tensor([1.0, 0.0])


def with_one(vectors: Tensor) -> Tensor:
    """Return mapped vectors with the column that meets the items' biases put back to 1."""
    return torch.cat([vectors[:, :-1], torch.ones(len(vectors), 1)], dim=1)


class RatingTrainer(BPRTrainer):
    """Trains :class:`RatingFactors` by squared error and L2 penalty, Adam."""

    model: RatingFactors

    def __init__(
        self, model: RatingFactors, matrix: sparse.csr_matrix, lr: float, decay: float, batch: int
    ) -> None:
        super().__init__(model, matrix, lr, decay, batch)
        self.residuals = torch.from_numpy(matrix.data.astype(np.float32)) - model.mean

    def epoch(self) -> None:
        """Visit every rating once; the columns of ones stay ones."""
        for rows in batches(len(self.rows), self.batch):
            user, item = self.model.of(self.rows[rows]), embedding(self.columns[rows], self.model.items)
            errors = (user * item).sum(1) - self.residuals[rows]
            size = user[:, :-1].square().sum() + item[:, :-2].square().sum() + item[:, -1].square().sum()
            loss = errors.square().mean() + self.decay * size / len(rows)
            self.optimizer.zero_grad()
            loss.backward()
            self.model.users.grad[:, -1] = 0  # type: ignore[index]
            self.model.items.grad[:, -2] = 0  # type: ignore[index]
            self.optimizer.step()
