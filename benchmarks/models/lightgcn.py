"""LightGCN on the joint graph of users and the items of all categories (He et al., SIGIR 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor, nn

from benchmarks.model import MODELS, Scores
from benchmarks.models._deep import DeepModel, Step, batches, bpr_loss
from benchmarks.task import binary, source_matrix
from tastebridge.data import Panel


class _Propagate(torch.autograd.Function):
    """The product with a symmetric sparse matrix; its gradient is the same product."""

    @staticmethod
    def forward(context: Any, graph: Tensor, vectors: Tensor) -> Tensor:
        context.graph = graph
        return graph @ vectors

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[None, Tensor]:
        return None, context.graph @ gradients[0]


class Graph(nn.Module):
    r"""Vectors of all nodes; their mean over layers :math:`E^{(l+1)} = D^{-1/2} A D^{-1/2} E^{(l)}`."""

    def __init__(self, matrix: sparse.csr_matrix, size: int, layers: int) -> None:
        super().__init__()
        self.n_users, self.layers = matrix.shape[0], layers
        self.adjacency = _normalised(matrix)
        self.start = nn.Parameter(torch.randn(sum(matrix.shape), size) * 0.1)

    def forward(self) -> Tensor:
        vectors, total = self.start, self.start
        for _ in range(self.layers):
            vectors = _Propagate.apply(self.adjacency, vectors)
            total = total + vectors
        return total / (self.layers + 1)


@MODELS.register("lightgcn joint")
@dataclass
class LightGCN(DeepModel):
    """BPR over the rows of all categories; the other item of a row is of the row's own category."""

    factors: int = 64
    layers: int = 3
    lr: float = 0.02
    decay: float = 1e-4
    batch: int = 16384

    grid: ClassVar = {"factors": (32, 64), "lr": (0.01, 0.03), "decay": (1e-5, 1e-4, 1e-3)}
    fast: ClassVar = {"seconds": 60.0}

    def start(self, panel: Panel, target: str) -> Step:
        parts = [panel[target].matrix, source_matrix(panel, target)]
        joint = sparse.hstack(parts, format="csr")
        self.target_items_ = slice(joint.shape[0], joint.shape[0] + parts[0].shape[1])
        self.network_ = Graph(joint, self.factors, self.layers)
        return self._trainer(joint, parts[0].shape[1])

    def _trainer(self, joint: sparse.csr_matrix, n_target: int) -> Step:
        people = torch.from_numpy(np.repeat(np.arange(joint.shape[0]), np.diff(joint.indptr)))
        items = torch.from_numpy(joint.indices.astype(np.int64))
        low = torch.where(items < n_target, 0, n_target)
        width = torch.where(items < n_target, n_target, joint.shape[1] - n_target)
        optimizer = torch.optim.Adam(self.network_.parameters(), lr=self.lr, fused=True)

        def step() -> None:
            for rows in batches(len(items), self.batch):
                others = low[rows] + (torch.rand(len(rows)) * width[rows]).long()
                nodes = [people[rows], joint.shape[0] + items[rows], joint.shape[0] + others]
                user, liked, other = self.network_()[torch.cat(nodes)].chunk(3)
                loss = bpr_loss(user, liked, other, self.decay, self.network_.start[torch.cat(nodes)])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

        return step

    @torch.no_grad()
    def scores_of(self, people: NDArray[np.int64]) -> Scores:
        vectors = self.network_()
        return (vectors[torch.from_numpy(people)] @ vectors[self.target_items_].T).numpy()


def _normalised(matrix: sparse.csr_matrix) -> Tensor:
    """Return the normalised adjacency of users and items as a sparse tensor."""
    ones = binary(matrix)
    graph = sparse.csr_matrix(sparse.block_array([[None, ones], [ones.T, None]]))
    scale = sparse.diags_array(np.maximum(graph.getnnz(axis=1), 1).astype(np.float32) ** -0.5)
    graph = sparse.csr_matrix(scale @ graph @ scale, dtype=np.float32)
    pointers, columns = (torch.from_numpy(one.astype(np.int64)) for one in (graph.indptr, graph.indices))
    return torch.sparse_csr_tensor(pointers, columns, torch.from_numpy(graph.data), graph.shape)
