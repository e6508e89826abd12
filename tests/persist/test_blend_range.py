"""The range of the gates in a file: written where it was learned, and not asked of older files."""

import numpy as np

from tastebridge import StackingBlend
from tastebridge.model import GATES
from tastebridge.persist.arrays import Arrays
from tastebridge.persist.estimators import describe_blend, revive_blend


def fitted():
    rng = np.random.default_rng(0)
    X, gates = rng.normal(size=(600, 2)), np.repeat(rng.normal(size=(60, len(GATES))), 10, axis=0)
    return StackingBlend().fit(X, np.tile(np.eye(10)[0], 60), np.repeat(np.arange(60), 10), gates)


def test_the_range_comes_back():
    blend, arrays = fitted(), Arrays()
    loaded = revive_blend("b", describe_blend("b", blend, arrays), arrays, 2)
    np.testing.assert_array_equal(loaded.gate_low_, blend.gate_low_)
    np.testing.assert_array_equal(loaded.gate_high_, blend.gate_high_)
    far = 1e3 * np.eye(len(GATES))
    np.testing.assert_array_equal(loaded.weights(far), blend.weights(far))


def test_a_file_without_a_range_bounds_nothing_and_is_written_without_again():
    blend, arrays = fitted(), Arrays()
    record = describe_blend("b", blend, arrays)
    older = Arrays(
        {name: one for name, one in arrays.stored.items() if "_low_" not in name and "_high_" not in name}
    )
    loaded = revive_blend("b", record, older, 2)
    gates = 3.0 * np.eye(len(GATES))
    unbounded = np.logaddexp(
        0.0, blend.coef_[0] + (gates - blend.gate_mean_) / blend.gate_scale_ @ blend.coef_[1:]
    )
    np.testing.assert_allclose(loaded.weights(gates), unbounded / blend.scale_)
    again = Arrays()
    assert describe_blend("b", loaded, again) == record
    assert again.stored.keys() == older.stored.keys()


def test_a_blend_that_was_not_learned_is_written_without_a_range():
    arrays = Arrays()
    describe_blend("b", StackingBlend.equal(2, len(GATES)), arrays)
    assert sorted(arrays.stored) == ["b/coef_", "b/gate_mean_", "b/gate_scale_", "b/scale_"]
