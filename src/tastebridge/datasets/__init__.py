"""Data to try things on: panels with a planted map, small scenarios, and MovieLens by genre."""

from tastebridge.datasets.movielens import load_movielens
from tastebridge.datasets.scenarios import make_scenario
from tastebridge.datasets.synthetic import Truth, make_panel

__all__ = ["Truth", "load_movielens", "make_panel", "make_scenario"]
