"""Honest splits: no held-out row is in the training panel, and no row is lost unsaid."""

from tastebridge.splits.cold import cold_users, linked_users
from tastebridge.splits.entrants import entrants
from tastebridge.splits.folds import k_fold_users
from tastebridge.splits.last import leave_last
from tastebridge.splits.split import Split, take_out
from tastebridge.splits.time import own_past, temporal

__all__ = [
    "Split",
    "cold_users",
    "entrants",
    "k_fold_users",
    "leave_last",
    "linked_users",
    "own_past",
    "take_out",
    "temporal",
]
