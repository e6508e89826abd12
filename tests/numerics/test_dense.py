"""Top-k of scores that are there, against a full sort."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tastebridge._numerics.dense import dense_top_k

SCORES = arrays(
    np.float32,
    st.tuples(st.integers(1, 5), st.integers(1, 9)),
    elements=st.sampled_from([np.float32(x) for x in (-np.inf, -2.5, -0.0, 0.0, 1.0, 1e30)]),
)


@given(scores=SCORES, k=st.integers(1, 12))
def test_dense_top_k_is_the_head_of_a_stable_sort(scores, k):
    columns, values = dense_top_k(scores, k)
    k = min(k, scores.shape[1])
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    expected = np.take_along_axis(scores, order, axis=1)
    np.testing.assert_array_equal(values, expected)
    np.testing.assert_array_equal(columns, np.where(np.isneginf(expected), -1, order))
