"""What a handful of linked people make of weights that stand-ins taught."""

import numpy as np
import pandas as pd
import pytest

import tastebridge as tb
from tastebridge.factors import EASEFactors
from tastebridge.fitting.few_overlap import _better_of
from tastebridge.fitting.training_lists import Lists
from tastebridge.model import Segment
from tastebridge.model.blend import StackingBlend
from tastebridge.routes import JointRoute


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


@pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
def test_a_route_that_is_rounding_on_the_lists_of_few_users_has_no_weight():
    """On these lists the joint factor is 0 but for rounding; divided by its deviation it had weight 6e20."""
    books = [
        (1000, 5000), (1001, 5000), (1002, 5002), (1004, 5000), (1006, 5003), (1008, 5004), (1010,
        5001), (1011, 5001), (1012, 5003), (1013, 5001), (1014, 5004)
    ]  # fmt: skip
    films = [
        (1001, 5008), (1003, 5006), (1004, 5000), (1005, 5002), (1006, 5004), (1007, 5000), (1009,
        5007), (1011, 5003), (1013, 5007), (1014, 5007), (1015, 5001)
    ]  # fmt: skip
    rows = [(user, item, "books") for user, item in books] + [(user, item, "films") for user, item in films]
    panel = tb.Panel.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "category"]))
    routes = [JointRoute(EASEFactors(1))]
    mapper = tb.InterestMapper("films", routes=routes, n_folds=1, n_lists=40, n_negatives=4).fit(panel)
    assert np.abs(mapper.user_vectors().vectors).max() < 1e3
    assert len(mapper.recommend(n=3))
