"""Metrics: arrays in, one value per user out."""

from tastebridge.metrics.beyond import (
    average_popularity,
    catalogue_coverage,
    intra_list_diversity,
    novelty,
    popularity_bias,
)
from tastebridge.metrics.names import RANK_METRICS, RANKING_METRICS, parse_metric
from tastebridge.metrics.ranking import average_precision, hit_rate, mrr, ndcg, precision, recall
from tastebridge.metrics.rating import mae, rmse, user_mae, user_rmse
from tastebridge.metrics.sampled import rank_hit_rate, rank_mrr, rank_ndcg, sampled_ranks

__all__ = [
    "RANKING_METRICS",
    "RANK_METRICS",
    "average_popularity",
    "average_precision",
    "catalogue_coverage",
    "hit_rate",
    "intra_list_diversity",
    "mae",
    "mrr",
    "ndcg",
    "novelty",
    "parse_metric",
    "popularity_bias",
    "precision",
    "rank_hit_rate",
    "rank_mrr",
    "rank_ndcg",
    "recall",
    "rmse",
    "sampled_ranks",
    "user_mae",
    "user_rmse",
]
