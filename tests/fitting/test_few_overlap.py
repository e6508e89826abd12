"""What a handful of linked people make of weights that stand-ins taught."""

import numpy as np
import pytest

from tastebridge.fitting.few_overlap import _better_of
from tastebridge.fitting.training_lists import Lists
from tastebridge.model import Segment
from tastebridge.model.blend import StackingBlend


@pytest.mark.parametrize(("of_use", "kept"), [(0.0, False), (2.0, True)])
def test_a_blend_of_pseudo_overlap_is_dropped_if_popularity_is_significantly_better(of_use, kept):
    rng = np.random.default_rng(0)
    n, width = 200, 20
    first = np.tile(np.append(1.0, np.zeros(width - 1)), n)
    noise = rng.normal(size=(2, n * width))
    X = np.column_stack([noise[0] + 1.0 * first, noise[1] + of_use * first])
    groups, people = np.arange(n).repeat(width), np.arange(n) // 5
    lists = Lists(X.astype(np.float32), first, groups, np.zeros((n * width, 1)), people)
    popular, taught = (Segment(StackingBlend.equal(2, 1), np.arange(2) == at) for at in range(2))
    found = _better_of(StackingBlend(), lists, taught, popular, np.random.default_rng(1))
    assert found is (taught if kept else popular)
