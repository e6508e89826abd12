"""cmfrec (PyPI): collective matrix factorisation, the source's interactions as side information of users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.model import MODELS, Model, NotApplicable, Scores
from benchmarks.task import Task, source_matrix


@MODELS.register("cmfrec")
@dataclass
class CMFrec(Model):
    """``CMF_implicit`` by Cholesky: its default ``use_cg=True`` ends in NaN, silently, on such data."""

    factors: int = 64
    penalty: float = 10.0
    alpha: float = 10.0
    w_user: float = 1.0
    main: float = 1.0

    seeded = True
    grid: ClassVar = {"penalty": (3.0, 10.0), "alpha": (3.0, 10.0), "w_user": (0.1, 1.0)}

    def fit(self, task: Task) -> Self:
        try:
            from cmfrec import CMF_implicit
        except ImportError as error:
            raise NotApplicable(f"cmfrec cannot be imported: {error}") from None
        model = CMF_implicit(
            k=self.factors,
            lambda_=self.penalty,
            alpha=self.alpha,
            w_user=self.w_user,
            w_main=self.main,
            use_cg=False,
            NA_as_zero_user=True,
            center_U=False,
            precompute_for_predictions=False,
            random_state=self.seed + 1,
            nthreads=1,
            verbose=False,
        )
        model.fit(
            X=sparse.coo_array(task.panel[task.target].matrix),
            U=sparse.coo_array(source_matrix(task.panel, task.target)),
        )
        if not (np.isfinite(model.A_).all() and np.isfinite(model.B_).all()):
            raise NotApplicable("cmfrec returned factors that are not finite.")
        self.panel_, self.users_, self.items_ = task.panel, model.A_, model.B_
        return self

    def scores(self, user_ids: NDArray) -> Scores:
        return self.users_[self.panel_.users.numbers(user_ids)] @ self.items_.T
