"""The settings shared by all steps of a fit."""

from __future__ import annotations

from typing import NamedTuple

from tastebridge.model.blend import StackingBlend


class FitSettings(NamedTuple):
    """Settings of one fit; see :class:`tastebridge.InterestMapper` for each."""

    blend: StackingBlend
    n_lists: int
    n_negatives: int
    n_folds: int | None
    random_state: int
    n_jobs: int | None
