"""Sources are a list with an order: a set has another order in every process."""

import numpy as np
import pandas as pd
import pytest

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.exceptions import InvalidParameterError, UnknownCategoryError
from tastebridge.fitting.checks import check_sources


@pytest.fixture(scope="module")
def panel():
    return make_panel(n_users=60, n_items=20, categories=["books", "films", "music"], random_state=0)[0]


@pytest.mark.parametrize(
    "sources",
    [["music", "books"], ("music", "books"), np.array(["music", "books"]), pd.Index(["music", "books"])],
)
def test_sources_keep_their_order(panel, sources):
    assert check_sources("InterestMapper", "films", sources, panel) == ["music", "books"]


@pytest.mark.parametrize("sources", [{"music", "books"}, {"books": 1}, 5, iter(["books"]), "books", [], True])
def test_what_has_no_order_is_refused(panel, sources):
    with pytest.raises(InvalidParameterError, match="sources must be a list of categories, or None for all"):
        check_sources("InterestMapper", "films", sources, panel)


def test_the_target_alone_is_no_source(panel):
    with pytest.raises(InvalidParameterError, match=r"names the target 'films' alone.*'books', 'music'"):
        check_sources("InterestMapper", "films", np.array(["films"]), panel)


def test_an_array_of_targets_is_one_error(panel):
    with pytest.raises(UnknownCategoryError, match="target=array"):
        tb.InterestMapper(np.array(["films", "books"])).fit(panel)
