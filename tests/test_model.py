import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import tastebridge as tb
from tastebridge import model as model_module
from tastebridge.datasets import make_panel
from tastebridge.factors import ALSFactors, SVDFactors
from tastebridge.routes import NeighbourRoute, TransferRoute, vectors_of


@pytest.fixture(scope="module")
def mapper():
    panel, _ = make_panel(n_users=400, n_items=90, events_per_user=8)
    routes = [TransferRoute(SVDFactors(60), SVDFactors(50)), TransferRoute(ALSFactors(16), ALSFactors(16))]
    return tb.InterestMapper("films", routes=[*routes, NeighbourRoute(50)], n_folds=1).fit(panel)


def vectors(mapper, rows):
    """What routes and weights say of people in float64, before rounding hides the last bits."""
    histories = {name: part[rows] for name, part in mapper._histories_of(np.arange(400)).items()}
    tiles = model_module._in_whole_tiles(histories)
    assert next(iter(tiles.values())).shape[0] % model_module.TILE == 0
    parts = vectors_of(mapper.model_.routes, mapper.model_.encoders, tiles)
    parts["weights"] = mapper.model_.weights(tiles)
    return {name: part[: len(rows)] for name, part in parts.items()}


def test_a_vector_does_not_depend_on_who_stands_beside(mapper):
    rng = np.random.default_rng(0)
    with threadpool_limits(1, "blas"):
        whole = vectors(mapper, np.arange(400))
        for size in (1, 2, 3, 5, 31, 33, 127, 399):
            rows = rng.permutation(400)[:size]
            for name, part in vectors(mapper, rows).items():
                np.testing.assert_array_equal(part, whole[name][rows])


def test_padding_changes_nothing_but_the_last_bits(mapper):
    histories = {name: part[:33] for name, part in mapper._histories_of(np.arange(400)).items()}
    padded, plain = mapper.model_.user_vectors(histories), mapper.model_._user_vectors(histories, 33)
    assert padded.shape == plain.shape
    np.testing.assert_allclose(padded, plain, rtol=1e-6, atol=1e-7)
