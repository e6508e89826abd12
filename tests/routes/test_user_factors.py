"""Factors of users in a fit are computed for the users that are asked for, once."""

import numpy as np

from tastebridge.datasets import make_panel
from tastebridge.factors import ALSFactors
from tastebridge.routes import FitContext


def test_factors_are_computed_once_for_the_users_asked_for_and_equal_those_of_all(monkeypatch):
    panel, _ = make_panel(n_users=120, n_items=40)
    context = FitContext({name: panel[name].matrix for name in panel.categories}, "films")
    both = tuple(context.histories)
    model = context.factors(both, ALSFactors(8))
    everyone = model.transform(context.stacked(both))
    computed = []
    transform = ALSFactors.transform
    monkeypatch.setattr(
        ALSFactors, "transform", lambda self, X: computed.append(X.shape[0]) or transform(self, X)
    )
    for users in ([5, 3, 90], [3, 4], [90, 5], []):
        some = np.array(users, dtype=np.int64)
        assert np.array_equal(context.encoded(both, model, some), everyone[some])
    assert computed == [3, 1]
