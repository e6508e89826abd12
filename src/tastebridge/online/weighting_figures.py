"""A sentence about weights: the scheme in use, and the other schemes that were tested."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from tastebridge.data import Weighting

_SCHEMES = {
    "none": "as they are",
    "binary": "all events count equally",
    "log": "the logarithm of 1 + weight",
    "bm25": "BM25",
    "tfidf": "TF-IDF",
    "l2": "rows of length 1",
}


def weighting_sentence(weighting: Weighting, tables: Mapping[str, pd.DataFrame]) -> str:
    """Return a sentence on the weights of a fit where schemes were tried; "" where none was.

    Parameters
    ----------
    weighting : Weighting
        The weighting of the fit.
    tables : mapping of str to DataFrame
        The tables of a fitted state: ``weightings_`` is read.
    """
    table = tables.get("weightings_")
    if table is None or not len(table):
        return ""
    others = [str(scheme) for scheme in table["scheme"][1:]]
    if weighting.scheme == "binary":
        return (
            f"Weights are ignored, all events count equally: {', '.join(others)} were tried out of fold and "
            "are not significantly better."
        )
    row = table[table["chosen"]].iloc[0]
    return (
        f"Weights: {described(weighting.scheme)}. NDCG@10 out of fold is {row['difference']:.3f} "
        f"[{row['low']:.3f}, {row['high']:.3f}] better than with equal weights."
    )


def described(scheme: str) -> str:
    """Return a scheme as a reader finds it in the documentation, with its meaning."""
    return f"{scheme} ({_SCHEMES[scheme]})"
