"""A task: the training data, the users to serve, and the items they took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from scipy import sparse

from benchmarks.registry import Registry
from tastebridge.data import Panel
from tastebridge.splits import Split

Kind = Literal["ranking", "rating"]


@dataclass(frozen=True, eq=False)
class Task:
    """One target category of one data set, split for training, choosing and judging.

    Parameters
    ----------
    name : str
        As registered.
    target : str
        The category to recommend.
    panel : Panel
        The training data of the judged model.
    truth : DataFrame
        The test rows: user_id, item_id, weight. Nothing may be chosen by them.
    valid_panel : Panel
        The training data while settings and epochs are chosen: ``panel`` itself if ``valid`` and ``truth``
        have different users, ``panel`` without the rows of ``valid`` otherwise.
    valid : DataFrame
        The rows to choose by.
    kind : "ranking" or "rating"
        Which protocols apply.
    """

    name: str
    target: str
    panel: Panel
    truth: pd.DataFrame
    valid_panel: Panel
    valid: pd.DataFrame
    kind: Kind = "ranking"

    @cached_property
    def split(self) -> Split:
        """The test split, checked for rows that are trained on."""
        return Split(self.panel, self.target, self.truth)

    @cached_property
    def valid_split(self) -> Split:
        """The split to choose by."""
        return Split(self.valid_panel, self.target, self.valid)

    def as_validation(self) -> Task:
        """Return the task of tuning, with ``valid`` in the place of the test."""
        return Task(
            self.name, self.target, self.valid_panel, self.valid, self.valid_panel, self.valid, self.kind
        )


@dataclass(frozen=True)
class Recipe:
    """How to make a task: called with a seed in the process that needs it."""

    make: Callable[[int], Task]
    family: str
    """Tasks of a family share the settings chosen for a model."""
    cold: bool
    """Whether the users served have no rows in the target."""
    kind: Kind = "ranking"
    file: str | None = None
    """The file the data come from, if they come from ``TASTEBRIDGE_DATA``."""
    clock: float = 300.0
    """The seconds after which a deep model's training is stopped, whether or not it still improves."""
    deep_seeds: int | None = None
    """With how many seeds deep models run, if fewer than the others."""
    fast: bool = False
    """Whether ``--fast`` runs it."""


TASKS: Registry[Recipe] = Registry("benchmarks.data")


def source_matrix(panel: Panel, target: str) -> sparse.csr_matrix:
    """Return users × items of all categories but the target, side by side."""
    return sparse.hstack(
        [part.matrix for name, part in panel.interactions.items() if name != target], format="csr"
    )


def binary(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return the matrix with 1 in the place of every weight."""
    ones = np.ones(matrix.nnz, np.float32)
    return sparse.csr_matrix((ones, matrix.indices, matrix.indptr), shape=matrix.shape)


def clean_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Return held-out rows as a :class:`~tastebridge.splits.Split` wants them, ids as plain objects."""
    rows = frame[["user_id", "item_id", "weight"]].astype({"weight": np.float32})
    for name in ("user_id", "item_id"):
        if not pd.api.types.is_integer_dtype(rows[name]):
            rows[name] = rows[name].astype(object)
    return rows.sort_values(["user_id", "item_id"], ignore_index=True)
