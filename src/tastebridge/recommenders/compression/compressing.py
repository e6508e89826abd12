"""Compression of a model on some users, and its evaluation on others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tastebridge._numerics.threads import one_blas_thread
from tastebridge.model import LinearModel
from tastebridge.persist import stored_bytes
from tastebridge.recommenders.compression.collapsing import compress_model
from tastebridge.recommenders.compression.judging import Lists, judge
from tastebridge.recommenders.compression.sampling import sample_vectors
from tastebridge.routes import Histories

DTYPES = {"float32": "exact", "float16": "float16", "int8": "int8"}
"""The types that matrices are stored as, and their names in a model."""


class Ground(NamedTuple):
    """The users for the compression, as rows of ``histories``, and lists of other users to evaluate on."""

    histories: Histories
    people: NDArray[np.int64]
    lists: Mapping[str, Lists]
    judged_on: str


def compressed(
    model: LinearModel, n_components: int | None, dtype: str, ground: Ground, rng: np.random.Generator
) -> tuple[LinearModel, pd.DataFrame]:
    """Return the smaller model and its loss: see :attr:`tastebridge.InterestMapper.compression_`."""
    with one_blas_thread():  # the rounding of a product depends on the threads that share it
        U = sample_vectors(model, ground.histories, ground.people, rng)
        small = compress_model(model, U, n_components, DTYPES[dtype], rng)
    table = judge(model, small, ground.lists)
    sizes = {
        "judged_on": ground.judged_on,
        "components_before": model.item_vectors().shape[1],
        "components": small.item_vectors().shape[1],
        "dtype": dtype,
        "bytes_before": stored_bytes(model),
        "bytes": stored_bytes(small),
    }
    return small, table.assign(**sizes)
