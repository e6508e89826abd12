"""Scoring of millions of users in bounded memory, resumable, from Parquet to Parquet.

The kernel is a function of Arrow record batches and can run on any engine. Its input has one history
per row:

- ``user_id``: int or string; each user once in a batch;
- ``events``: a list of structs with ``item_id``, ``category`` and, where there are any, ``weight``,
  ``timestamp`` (an Arrow timestamp, ISO text, or seconds since 1970) and ``event``.

Its output has one row per recommendation: ``user_id``, ``item_id``, ``score``, ``rank``. As each row of the
input is a whole user, an engine may cut batches anywhere. :func:`nest` makes such rows from a table of
events.
"""

from tastebridge.batch.audience import AudienceKernel, audience_all
from tastebridge.batch.kernel import RecommendationKernel
from tastebridge.batch.manifest import Manifest
from tastebridge.batch.memory import parse_memory
from tastebridge.batch.recommending import recommend_all
from tastebridge.batch.relating import relate_all
from tastebridge.batch.schema import nest
from tastebridge.batch.vectors import VectorKernel, write_vectors

__all__ = [
    "AudienceKernel",
    "Manifest",
    "RecommendationKernel",
    "VectorKernel",
    "audience_all",
    "nest",
    "parse_memory",
    "recommend_all",
    "relate_all",
    "write_vectors",
]
