"""The chances of categories of one user depend on no other user, however many categories there are."""

import numpy as np
import pytest
from scipy import sparse

from tastebridge.model.category_model import (
    CategoryModel,
    category_probabilities,
    learn_category_model,
    n_features,
)


def histories(n_users, n_categories, seed=0):
    rng = np.random.default_rng(seed)
    return {
        f"c{number:03d}": sparse.random(n_users, 30, 0.1, format="csr", random_state=rng)
        for number in range(n_categories)
    }


@pytest.mark.bits
@pytest.mark.parametrize(
    ("n_categories", "more"),
    [(3, True), (8, True), (32, True), (63, False), (65, False), (80, False), (130, True)],
)
def test_a_row_is_its_own_users_bit_by_bit(n_categories, more):
    """Up to 64 categories products are summed column by column, above in whole tiles."""
    rng, rows = np.random.default_rng(1), histories(150, n_categories)
    shares = rng.dirichlet(np.ones(n_categories))
    width = n_features(n_categories) if more else n_categories
    model = CategoryModel(shares, rng.normal(size=(n_categories, width)), rng.normal(size=n_categories))
    together = category_probabilities(model, rows)
    np.testing.assert_allclose(together.sum(axis=1), 1.0)
    for users in ([0], [149], [3, 1, 2], list(range(7)), list(range(20, 100)), rng.permutation(150)):
        some = category_probabilities(model, {name: part[users] for name, part in rows.items()})
        np.testing.assert_array_equal(some, together[users])


def test_many_categories_are_learned_without_further_features():
    rows = histories(300, 70)
    model = learn_category_model(rows, 0)
    assert model.coef.shape == (70, 70)
    P = category_probabilities(model, rows)
    np.testing.assert_allclose(P.sum(axis=1), 1.0)
