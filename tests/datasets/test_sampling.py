import numpy as np
import pytest

from tastebridge.datasets.sampling import draw_items


@pytest.mark.parametrize("n_items", [300, 3_000])
def test_draws_follow_popularity_and_taste(n_items):
    rng = np.random.default_rng(0)
    tastes = np.repeat(np.array([[-1.0], [1.0]], dtype=np.float32), 2_000, axis=0)
    factors = np.zeros((n_items, 1), dtype=np.float32)
    factors[1:3, 0] = [1, -1]
    popularity = np.ones(n_items)
    popularity[:3] = 50
    people, items = draw_items(tastes, factors, popularity, np.full(4_000, 1), rng)
    counts = [np.bincount(items[people // 2_000 == side], minlength=3)[:3] for side in (0, 1)]
    assert counts[0][2] / counts[0][0] == pytest.approx(np.e, rel=0.35)
    assert counts[1][1] / counts[1][0] == pytest.approx(np.e, rel=0.35)
    assert counts[0][0] / len(people) * 2 > 20 / n_items


def test_no_pair_is_drawn_twice_and_counts_are_kept():
    counts = np.array([0, 1, 5, 8])
    tastes, factors = np.zeros((4, 2), np.float32), np.zeros((8, 2), np.float32)
    people, items = draw_items(tastes, factors, np.ones(8), counts, np.random.default_rng(1))
    assert np.bincount(people, minlength=4).tolist() == counts.tolist()
    assert len(np.unique(people * 8 + items)) == counts.sum()
