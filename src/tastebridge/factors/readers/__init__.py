"""Readers of models trained elsewhere, one file for each package; none of these packages is imported.

No reader ever loads a pickle. A file that is damaged, or is something else, ends in one
:class:`tastebridge.exceptions.InvalidDataError` that names it.
"""

from tastebridge.factors.readers.files import read_factors
from tastebridge.factors.readers.gensim import from_gensim
from tastebridge.factors.readers.implicit import from_implicit
from tastebridge.factors.readers.lenskit import from_lenskit
from tastebridge.factors.readers.parquet import read_vectors, write_vectors
from tastebridge.factors.readers.spark import from_spark
from tastebridge.factors.readers.surprise import from_surprise
from tastebridge.factors.readers.word2vec import read_word2vec

__all__ = [
    "from_gensim",
    "from_implicit",
    "from_lenskit",
    "from_spark",
    "from_surprise",
    "read_factors",
    "read_vectors",
    "read_word2vec",
    "write_vectors",
]
