"""What a recommender answers with, as a short text: equal where the answers are equal, bit by bit."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

from tastebridge._foundation.version import __version__
from tastebridge.model import LinearModel
from tastebridge.persist.arrays import Arrays
from tastebridge.persist.linear import describe_model
from tastebridge.persist.parameters import to_json
from tastebridge.persist.similarity import describe_similarity
from tastebridge.persist.state import State


def fingerprint(recommender: Any) -> str:
    """Return a SHA-256 of all that a fitted recommender's answers to fresh histories depend on.

    The people of its fit play no part, and a model that was saved and loaded keeps its fingerprint.
    """
    state, arrays = State.of(recommender), Arrays()
    describe = describe_model if isinstance(state.model, LinearModel) else describe_similarity
    content = {
        "version": __version__,
        "class": state.kind,
        "parameters": {name: to_json(name, value) for name, value in state.parameters.items()},
        "weighting": to_json("weighting", state.weighting),
        "model": describe(state.model, arrays),
        "statistics": [
            [name, known.length, known.mean, known.now] for name, known in state.statistics.items()
        ],
    }
    for name, known in state.statistics.items():
        arrays.add(f"idf {name}", known.idf)
        arrays.add(f"bias {name}", known.item_bias)
    whole = hashlib.sha256(json.dumps(content).encode())
    for name, array in sorted(arrays.stored.items()):
        whole.update(f"{name} {array.dtype.str} {array.shape}".encode())
        whole.update(np.ascontiguousarray(array).data)
    for name, items in state.items.items():
        whole.update(f"{name} {json.dumps(items.ids.tolist())}".encode())
    return whole.hexdigest()
