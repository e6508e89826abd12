"""Models × splits × metrics → one tidy frame with intervals over users."""

from tastebridge.evaluation.finished import FinishedLists
from tastebridge.evaluation.full import evaluate, user_scores
from tastebridge.evaluation.lists import evaluate_lists
from tastebridge.evaluation.logged import evaluate_logged
from tastebridge.evaluation.rating import evaluate_ratings
from tastebridge.evaluation.sampled import draw_negatives, evaluate_sampled
from tastebridge.evaluation.table import Predictor, Recommender

__all__ = [
    "FinishedLists",
    "Predictor",
    "Recommender",
    "draw_negatives",
    "evaluate",
    "evaluate_lists",
    "evaluate_logged",
    "evaluate_ratings",
    "evaluate_sampled",
    "user_scores",
]
