"""Ratings: the effects of items and people, and factors of what is left, fitted by least squares."""

from tastebridge.ratings.factors import RatingFactors

__all__ = ["RatingFactors"]
