"""Scoring of millions of users in bounded memory, resumable, Parquet in and out; its kernel for any engine.

The kernel is a function of Arrow record batches. Histories go in, one row per user:

- ``user_id``: int or string; each user once in a batch;
- ``events``: a list of structs with ``item_id``, ``category`` and, where there are any, ``weight``,
  ``timestamp`` (an Arrow timestamp, ISO text, or seconds since 1970) and ``event``.

Recommendations come out, a row each: ``user_id``, ``item_id``, ``score``, ``rank``. As a row of the input is
a user, an engine may cut its batches where it likes; :func:`nest` makes such rows of a table of events.
"""

from tastebridge.batch.audience import AudienceKernel, audience_all
from tastebridge.batch.kernel import RecommendationKernel
from tastebridge.batch.manifest import Manifest
from tastebridge.batch.memory import parse_memory
from tastebridge.batch.recommending import recommend_all
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
    "write_vectors",
]
