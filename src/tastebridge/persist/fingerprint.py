"""A digest of a recommender: equal where its answers are equal, bit by bit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from tastebridge._foundation.validation import check_fitted
from tastebridge._foundation.version import __version__
from tastebridge.model import LinearModel
from tastebridge.online.state import GROUPS, FittedState, MultiTarget
from tastebridge.persist.arrays import Arrays
from tastebridge.persist.linear import describe_model
from tastebridge.persist.parameters import to_json, to_write
from tastebridge.persist.similarity import describe_similarity


class _Recommender(Protocol):
    """A recommender, of which only the fitted state is used here."""

    @property
    def targets_(self) -> Mapping[str, FittedState]: ...

    @property
    def joint_(self) -> MultiTarget | None: ...

    def get_params(self, deep: bool = True) -> dict[str, Any]: ...


def fingerprint(recommender: _Recommender) -> str:
    """Return a SHA-256 over everything that determines a recommender's answers to fresh histories.

    The users of the fit are left out, and saving and loading a model keeps its fingerprint.
    """
    check_fitted(recommender, "targets_")
    targets, joint, arrays = recommender.targets_, recommender.joint_, Arrays()
    shared = joint if joint is not None else next(iter(targets.values()))
    encoder = shared.encoder
    kind = type(recommender).__name__
    parameters = to_write(kind, recommender.get_params(False))
    content: dict[str, Any] = {
        "version": __version__,
        "class": kind,
        "parameters": {name: to_json(name, value) for name, value in parameters.items()},
        "weighting": to_json("weighting", encoder.weighting),
        "model": _models(targets, joint, arrays),
        "statistics": [
            [name, known.length, known.mean, known.now] for name, known in encoder.statistics.items()
        ],
    }
    for name, known in encoder.statistics.items():
        arrays.add(f"idf {name}", known.idf)
        arrays.add(f"bias {name}", known.item_bias)
    whole = hashlib.sha256(json.dumps(content).encode())
    for name, array in sorted(arrays.stored.items()):
        # type and shape too: the same bytes can be read as another array
        whole.update(f"{name} {array.dtype.str} {array.shape}".encode())
        whole.update(np.ascontiguousarray(array).data)
    # JSON tells the id 1 from the id "1"
    for name, items in encoder.items.items():
        whole.update(f"{name} {json.dumps(items.ids.tolist())}".encode())
    # all targets have the same labels, and models without any keep the fingerprint of earlier versions
    groups = next(iter(targets.values())).tables.get(GROUPS)
    if groups is not None:
        whole.update(json.dumps(groups.to_numpy().tolist()).encode())
    return whole.hexdigest()


def _models(targets: Mapping[str, FittedState], joint: MultiTarget | None, arrays: Arrays) -> dict[str, Any]:
    """Return the records of the models; with several targets, also how their lists are merged."""
    if joint is None:
        return _model(next(iter(targets.values())), arrays)
    for name, value in joint.category_model._asdict().items():
        arrays.add(f"category model {name}", value)
    return {
        "targets": [
            [name, _model(state, arrays.under(f"target {place}"))]
            for place, (name, state) in enumerate(targets.items())
        ],
        "temperatures": {name: dict(part) for name, part in joint.temperatures.items()},
    }


def _model(state: FittedState, arrays: Arrays) -> dict[str, Any]:
    model = state.scorer.model
    describe = describe_model if isinstance(model, LinearModel) else describe_similarity
    return describe(model, arrays)
