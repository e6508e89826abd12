"""A fitted model: routes, the weights that blend them, and explanations of its scores."""

from tastebridge.model.linear import (
    GATES,
    Array,
    LinearModel,
    Segment,
    Vectors32,
    gates_of,
    read_by_gates,
)

__all__ = [
    "GATES",
    "Array",
    "LinearModel",
    "Segment",
    "Vectors32",
    "gates_of",
    "read_by_gates",
]
