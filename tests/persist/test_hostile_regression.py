"""The statistics of an item regression that an attacker changed: one error, and bounded memory."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from tastebridge.exceptions import ModelFileError
from tastebridge.persist.arrays import Arrays
from tastebridge.persist.statistics import _describe_regression, _revive_regression
from tastebridge.routes.partners import Rule
from tastebridge.routes.regressed import RegressionStatistics, joint_counts

SIZES = {"books": 20, "films": 15}


@pytest.fixture
def saved():
    """The record and the arrays of an item regression, and its statistics."""
    rng = np.random.default_rng(0)
    rows = {name: sparse.csr_matrix(rng.random((60, n)) < 0.25, dtype=float) for name, n in SIZES.items()}
    own = RegressionStatistics(
        "item regression", "films", SIZES, Rule(5.0, 4, 12, 3), joint_counts(rows, SIZES, "films")
    )
    arrays = Arrays()
    return _describe_regression(own, arrays), arrays, own


def revived(record, stored):
    return _revive_regression(record, Arrays(stored).within(100), SIZES, {})


def test_unchanged_statistics_come_back(saved):
    record, arrays, own = saved
    found = revived(record, arrays.stored)
    assert (found.rule, dict(found.sizes)) == (own.rule, SIZES)
    assert found.both.dtype == np.int32
    assert (found.both != own.both).nnz == 0


def entries(**changed):
    """Return a change of one of the arrays of the stored matrix."""
    return lambda stored: stored | {f"both:csr.{name}": make(stored) for name, make in changed.items()}


def replaced(name, at, value, kind=None):
    """Return a function that puts a value into a copy of an array, as another type if given."""

    def make(stored):
        own = stored[f"both:csr.{name}"]
        own = own.copy() if kind is None else own.astype(kind)
        own[at] = value
        return own

    return make


ARRAYS = {
    "no entries": lambda stored: {name: part for name, part in stored.items() if "data" not in name},
    "another shape": entries(shape=lambda stored: np.array([35, 36])),
    "terabytes": entries(shape=lambda stored: np.array([10**12, 10**12])),
    "a column beyond": entries(indices=replaced("indices", 0, 35)),
    "a negative column": entries(indices=replaced("indices", 0, -1)),
    "a row that ends early": entries(indptr=replaced("indptr", 3, 10**6)),
    "NaN": entries(data=replaced("data", 0, np.nan, float)),
    "infinite": entries(data=replaced("data", 0, np.inf, float)),
    "a half": entries(data=replaced("data", 0, 0.5, float)),
    "negative": entries(data=replaced("data", 0, -1)),
    "complex": entries(data=replaced("data", 0, 1, complex)),
    "not symmetric": entries(data=replaced("data", 1, 0)),
    "more users than an item": entries(data=lambda stored: np.arange(len(stored["both:csr.data"])) % 100),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_matrices_that_cannot_be_counts_are_refused(saved, name):
    record, arrays, _ = saved
    tracemalloc.start()
    with pytest.raises(ModelFileError):
        revived(record, ARRAYS[name](dict(arrays.stored)))
    assert tracemalloc.get_traced_memory()[1] < 1 << 24
    tracemalloc.stop()


RULES = [("regularization", value) for value in (0.0, -1.0, float("nan"), float("inf"), "5", None, True)]
RULES += [("n_partners", value) for value in (0, -1, 5001, 2**60, "4", None)]
RULES += [(name, value) for name in ("n_targets", "min_users") for value in (0, -3, 2**60, float("nan"), [])]


@pytest.mark.parametrize(("name", "value"), RULES)
def test_rules_out_of_range_are_refused(saved, name, value):
    record, arrays, _ = saved
    with pytest.raises(ModelFileError):
        revived({**record, "rule": {**record["rule"], name: value}}, arrays.stored)


@pytest.mark.parametrize(
    "changed",
    [
        {"categories": ["books", "music"]},
        {"categories": ["films"]},
        {"categories": ["films", "films", "books", "books"], "target": "music"},
        {"target": "music"},
        {"route": 7},
    ],
)
def test_names_that_do_not_fit_are_refused(saved, changed):
    record, arrays, _ = saved
    with pytest.raises(ModelFileError):
        revived({**record, **changed}, arrays.stored)
