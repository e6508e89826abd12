import numpy as np
import pytest

from tastebridge._numerics.packing import pack, rounded, unpack


def matrix(rng):
    return np.float32(rng.normal(size=(300, 40)) * np.exp(rng.normal(scale=5, size=(300, 1))))


@pytest.mark.parametrize("storage", ["float16", "int8"])
def test_packing_again_changes_no_bit(storage):
    A = matrix(np.random.default_rng(0))
    A[7] = 0.0
    A[8] = np.float32(2.0) ** np.arange(-20, 20)  # largest entries at powers of two
    once = rounded(A, storage)
    np.testing.assert_array_equal(once, rounded(once, storage))
    np.testing.assert_array_equal(once, unpack(*pack(once, storage)))
    np.testing.assert_array_equal(once[7], 0.0)


def test_an_entry_errs_by_half_a_step_with_int8():
    A = matrix(np.random.default_rng(1))
    codes, scales = pack(A, "int8")
    assert codes.dtype == np.int8
    assert np.abs(codes).max(axis=1).tolist() == [127] * len(A)
    error = np.abs(unpack(codes, scales) - A)
    assert (error <= 0.5001 * scales[:, None]).all()


def test_an_entry_errs_by_a_2048th_with_float16():
    A = matrix(np.random.default_rng(2))
    codes, scales = pack(A, "float16")
    assert codes.dtype == np.float16
    large = np.abs(A) > 1e-3 * np.abs(A).max(axis=1, keepdims=True)
    assert (np.abs(unpack(codes, scales) - A) <= np.abs(A) / 2048 * 1.0001)[large].all()


def test_exact_is_float32():
    A = np.random.default_rng(3).normal(size=(4, 3))
    np.testing.assert_array_equal(rounded(A, "exact"), np.float32(A))
