"""A model whose sums were updated, held to sums over all users anew."""

from dataclasses import replace

import numpy as np
from scipy import sparse

from tastebridge.recommenders.attributes import encoder_of
from tastebridge.routes.derived import DerivedStatistics
from tastebridge.routes.mapped import MapStatistics
from tastebridge.routes.paired import CooccurrenceStatistics, Pairs


def histories(mapper):
    return encoder_of(mapper).rows(mapper.panel_)


def summed_anew(mapper):
    """The ledger and model of sums over everybody in memory, with the item factors there are."""
    rows = histories(mapper)
    nobody = {name: part[:0] for name, part in rows.items()}
    emptied = {}
    for key, part in mapper.ledger_.accounts.items():
        if isinstance(part, MapStatistics):
            emptied[key] = replace(part, moments=part.moments - part.moments)
        elif isinstance(part, CooccurrenceStatistics):
            emptied[key] = replace(part, pairs={n: Pairs.of(nobody, n, part.target) for n in part.pairs})
        elif isinstance(part, DerivedStatistics):
            emptied[key] = part
        else:
            emptied[key] = replace(part, counts=np.zeros_like(part.counts))
    return replace(mapper.ledger_, accounts=emptied).updated(mapper.model_, nobody, rows, {})


def assert_as_if_summed_anew(mapper):
    ledger, model = summed_anew(mapper)
    for key, part in mapper.ledger_.accounts.items():
        anew = ledger.accounts[key]
        if isinstance(part, MapStatistics):
            for name, total in part.moments.to_arrays().items():
                np.testing.assert_array_equal(total, anew.moments.to_arrays()[name])
        elif isinstance(part, CooccurrenceStatistics):
            for name, pairs in part.pairs.items():
                assert (pairs.both != anew.pairs[name].both).nnz == 0
                np.testing.assert_array_equal(pairs.here, anew.pairs[name].here)
                np.testing.assert_array_equal(pairs.there, anew.pairs[name].there)
        elif isinstance(part, DerivedStatistics):
            np.testing.assert_array_equal(part.W, anew.W)
        else:
            np.testing.assert_array_equal(part.counts, anew.counts)
    for mine, anew in zip(mapper.model_.routes, model.routes, strict=True):
        for part in ("coef", "intercept"):
            np.testing.assert_array_equal(getattr(mine, part), getattr(anew, part))
    for name, space in mapper.model_.spaces.items():
        np.testing.assert_array_equal(dense(space), dense(model.spaces[name]))
    rows = histories(mapper)
    np.testing.assert_array_equal(mapper.model_.user_vectors(rows), model.user_vectors(rows))


def dense(space):
    return space.toarray() if sparse.issparse(space) else space
