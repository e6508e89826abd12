"""Routes read the sources they are asked for, each once, and refuse what is no source."""

import numpy as np
import pytest

from tastebridge.datasets import make_panel
from tastebridge.exceptions import InvalidParameterError, UnknownCategoryError
from tastebridge.factors import SVDFactors
from tastebridge.routes import FitContext, ItemRegressionRoute, NeighbourRoute, TransferRoute

KINDS = [
    ItemRegressionRoute,
    NeighbourRoute,
    lambda sources: TransferRoute(SVDFactors(4), SVDFactors(4), sources=sources),
]


@pytest.fixture(scope="module")
def panel():
    return make_panel(n_users=200, n_items=30, random_state=0)[0]


def context(panel):
    return FitContext({name: panel[name].matrix for name in panel.categories}, "films")


@pytest.mark.parametrize("make", KINDS)
def test_sources_must_be_a_list_of_categories_of_the_fit(make, panel):
    with pytest.raises(InvalidParameterError, match=r"sources must be a list.*got 'books'.*\['books'\]"):
        make(sources="books").build(context(panel))
    with pytest.raises(UnknownCategoryError, match=r"'bokks' is not a category.*Did you mean 'books'"):
        make(sources=["bokks"]).build(context(panel))


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("sources", [["books", "books"], ["books", "films"], ["films", "books"], ("books",)])
def test_a_source_is_read_once_and_the_target_is_none(make, sources, panel):
    one, other = context(panel), context(panel)
    found, plain = make(sources=sources).build(one), make(sources=["books"]).build(other)
    assert [route.sources for route in found] == [route.sources for route in plain]
    for mine, its in zip(found, plain, strict=True):
        Z, W = (
            made.encoders[route.encoder].encode(made.histories) for made, route in ((one, mine), (other, its))
        )
        np.testing.assert_array_equal(np.asarray(Z), np.asarray(W))
