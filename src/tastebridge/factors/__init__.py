"""Factor models: from a category's histories (users × items) to vectors, and back to scores of its items."""

from tastebridge.factors.als import ALSFactors
from tastebridge.factors.base import FactorModel
from tastebridge.factors.ease import EASEFactors
from tastebridge.factors.foreign import SklearnFactors, from_sklearn
from tastebridge.factors.pretrained import PretrainedFactors
from tastebridge.factors.readers import (
    from_gensim,
    from_implicit,
    from_lenskit,
    from_spark,
    from_surprise,
    read_factors,
    read_vectors,
    read_word2vec,
    write_vectors,
)
from tastebridge.factors.svd import SVDFactors

__all__ = [
    "ALSFactors",
    "EASEFactors",
    "FactorModel",
    "PretrainedFactors",
    "SVDFactors",
    "SklearnFactors",
    "from_gensim",
    "from_implicit",
    "from_lenskit",
    "from_sklearn",
    "from_spark",
    "from_surprise",
    "read_factors",
    "read_vectors",
    "read_word2vec",
    "write_vectors",
]
