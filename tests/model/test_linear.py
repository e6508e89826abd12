import numpy as np
import pytest
from scipy import sparse
from threadpoolctl import threadpool_limits

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.factors import ALSFactors, SVDFactors
from tastebridge.model import linear as model_module
from tastebridge.recommenders.attributes import encoder_of
from tastebridge.routes import Encoder, NeighbourRoute, TransferRoute, encoded_by, known_to, vectors_of


@pytest.fixture(scope="module")
def mapper():
    panel, _ = make_panel(n_users=400, n_items=90, events_per_user=8)
    routes = [TransferRoute(SVDFactors(60), SVDFactors(50)), TransferRoute(ALSFactors(16), ALSFactors(16))]
    return tb.InterestMapper("films", routes=[*routes, NeighbourRoute(50)], n_folds=1).fit(panel)


def vectors(mapper, rows):
    """What routes and weights say of people in float64, before rounding hides the last bits."""
    histories = {name: part[rows] for name, part in encoder_of(mapper).rows(mapper.panel_).items()}
    encoded = encoded_by(mapper.model_.routes, mapper.model_.encoders, histories)
    parts = {
        route.name: route.vectors(encoded[route.encoder], known_to(route.sources, histories))
        for route in mapper.model_.routes
    }
    return {**parts, "weights": mapper.model_.weights(histories)}


@pytest.mark.bits
def test_a_vector_does_not_depend_on_who_stands_beside(mapper):
    rng, known = np.random.default_rng(0), encoder_of(mapper).rows(mapper.panel_)
    with threadpool_limits(1, "blas"):
        whole, gates = vectors(mapper, np.arange(400)), mapper.model_.gates(known)
        for size in (1, 2, 3, 5, 31, 33, 127, 399):
            rows = rng.permutation(400)[:size]
            for name, part in vectors(mapper, rows).items():
                np.testing.assert_array_equal(part, whole[name][rows])
            some = {name: part[rows] for name, part in known.items()}
            np.testing.assert_array_equal(mapper.model_.gates(some), gates[rows])


def test_vectors_are_those_of_the_routes_by_their_weights(mapper):
    model = mapper.model_
    histories = {name: part[:33] for name, part in encoder_of(mapper).rows(mapper.panel_).items()}
    parts, weights = vectors_of(model.routes, model.encoders, histories), model.weights(histories)
    expected = {key: np.zeros((33, V.shape[1])) for key, V in model.spaces.items()}
    for route, w in zip(model.routes, weights.T, strict=True):
        Z = parts[route.name]
        expected[route.space][:, : Z.shape[1]] += w[:, None] * Z
    found = model.user_vectors(histories)
    np.testing.assert_allclose(found[:, :-1], np.hstack(list(expected.values())), rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(found[:, -1], model.level(histories))


def test_what_nobodys_weights_ask_for_is_not_encoded(mapper, monkeypatch):
    model, asked = mapper.model_, []
    encode = Encoder.encode_rows
    monkeypatch.setattr(
        Encoder, "encode_rows", lambda self, rows: asked.append(self.categories) or encode(self, rows)
    )
    nobody = {
        name: sparse.csr_matrix((3, len(items)), dtype=np.float32) for name, items in mapper.items_.items()
    }
    model.user_vectors(nobody)
    read = [route.encoder for route in model.routes if model_module.read_by_gates(route)]
    kept = model.segments["empty"].kept
    used = [route.encoder for route, keep in zip(model.routes, kept, strict=True) if keep]
    assert len(asked) == len({*read, *used}) < len(model.encoders)
