"""CDIMF (Samra et al., RecSys 2024): implicit factors of each domain, the same for shared users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.model import MODELS, Model, Scores, with_popularity
from benchmarks.models._implicit_rows import solve_rows
from benchmarks.task import Task, source_matrix


class Domain:
    """One category: factors of its users and items, and the dual variables of its users.

    Penalties grow with the number of interactions as in iALS++ (Rendle et al., RecSys 2022): each user and
    each item has one of its own, :math:`\\lambda (n + \\alpha N)^\\nu`.
    """

    def __init__(self, matrix: sparse.csr_matrix, model: CDIMF, rng: np.random.Generator) -> None:
        self.rows, self.model = matrix, model
        self.columns = sparse.csr_matrix(matrix.T)
        self.here = np.diff(matrix.indptr) > 0
        self.user_penalties, self.item_penalties = (self._penalties(one) for one in (self.rows, self.columns))
        self.items = 0.1 / np.sqrt(model.factors) * rng.standard_normal((matrix.shape[1], model.factors))
        self.users = np.zeros((matrix.shape[0], model.factors))
        self.dual = np.zeros_like(self.users)

    def _penalties(self, matrix: sparse.csr_matrix) -> NDArray[np.float64]:
        model = self.model
        return model.penalty * (np.diff(matrix.indptr) + model.alpha * matrix.shape[1]) ** model.exponent

    def step(self, shared: NDArray[np.float64], several: NDArray[np.bool_]) -> None:
        """Solve for the users, if of several domains pulled to ``shared - dual``, then for the items."""
        alpha, strength = self.model.alpha, np.where(several, self.model.rho * self.user_penalties, 0.0)
        pull = strength[:, None] * (shared - self.dual)
        self.users = solve_rows(self.rows, self.items, alpha, self.user_penalties + strength, pull)
        self.users[~self.here] = 0.0
        self.items = solve_rows(self.columns, self.users, alpha, self.item_penalties)


@MODELS.register("cdimf")
@dataclass
class CDIMF(Model):
    r"""Consensus ADMM: :math:`\sum_d f_d(X_d,Y_d)+\mu\|Z\|^2`, :math:`X_d=Z` for users of several domains.

    :math:`f_d` is the loss of implicit ALS in domain :math:`d`. In turn: each domain solves for its users
    with the term :math:`\rho_u\|x_{du}-z_u+w_{du}\|^2` and for its items; the shared factors are the shrunk
    mean of :math:`x_{du}+w_{du}` over the domains of a user; :math:`w_{du}` adds up what is left of
    :math:`x_{du}-z_u`. Here :math:`\rho_u` is ``rho`` times the user's penalty. A user with target rows is
    scored by the target's factors, any other by the shared ones.
    """

    factors: int = 64
    alpha: float = 0.003
    penalty: float = 0.1
    exponent: float = 0.0
    rho: float = 10.0
    shrinkage: float = 0.0
    iterations: int = 15

    seeded = True
    grid: ClassVar = {"factors": (64, 128), "alpha": (0.003, 0.03, 0.1), "penalty": (0.1, 1.0, 5.0)}

    def fit(self, task: Task) -> Self:
        rng = np.random.default_rng(self.seed)
        panel, target = task.panel, task.target
        domains = {name: Domain(part.matrix, self, rng) for name, part in panel.interactions.items()}
        n_domains = sum(domain.here.astype(int) for domain in domains.values())
        shared = np.zeros((len(panel.users), self.factors))
        for _ in range(self.iterations):
            for domain in domains.values():
                domain.step(shared, n_domains > 1)
            shared = self._mean(domains, n_domains)
            for domain in domains.values():
                linked = domain.here & (n_domains > 1)
                domain.dual[linked] += domain.users[linked] - shared[linked]
        self.domains_, own = domains, domains[target]
        self.users_ = np.where(own.here[:, None], own.users, shared)
        self.items_, self.panel_ = own.items, panel
        self.history_ = sparse.hstack([own.rows, source_matrix(panel, target)], format="csr")
        self.counts_ = own.rows.getnnz(axis=0)
        return self

    def _mean(self, domains: dict[str, Domain], n_domains: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the shared factors: those of a user of one domain are the domain's own."""
        total = sum(domain.users + domain.dual for domain in domains.values())
        mean = total / np.maximum(n_domains, 1)[:, None]
        pulls = self.rho * np.maximum(n_domains, 1)[:, None]
        return np.where(n_domains[:, None] > 1, mean * pulls / (pulls + self.shrinkage), mean)

    def scores(self, user_ids: NDArray) -> Scores:
        numbers = self.panel_.users.numbers(user_ids)
        return with_popularity(self.users_[numbers] @ self.items_.T, self.history_[numbers], self.counts_)
