"""tastebridge that asks, out of time, whether older events should count less."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from benchmarks.model import MODELS
from benchmarks.models.tastebridge import TasteBridge


@MODELS.register("tastebridge recency")
@dataclass
class TasteBridgeRecency(TasteBridge):
    """``InterestMapper(target, recency="auto")``, which needs times."""

    options: ClassVar = {"recency": "auto"}
