"""Drawn panels through Spark: whatever the order and the parts of the events, the lists are the same."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from contracts.panels import RECOMMENDERS, events, panel_of, tried
from tastebridge.datasets import make_panel
from tastebridge.exceptions import InvalidDataError, InvalidParameterError, NoLinkedUsersError
from tastebridge.factors import ALSFactors
from tastebridge.routes import NeighbourRoute, TransferRoute
from tastebridge.spark import fit, recommend

pytestmark = pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
KINDS = st.sampled_from(sorted(set(RECOMMENDERS) - {"several"}))  # Spark scores one target at a time


def fitted(kind, panel):
    try:
        return RECOMMENDERS[kind]().fit(panel)
    except (NoLinkedUsersError, InvalidParameterError, InvalidDataError):
        assume(False)


def collected(answer):
    return answer.toArrow().to_pandas().sort_values(["user_id", "rank"], ignore_index=True)


def shuffled(frame, seed):
    return frame.iloc[np.random.default_rng(seed).permutation(len(frame))].reset_index(drop=True)


@tried(8)
@given(frame=events(least=6), kind=KINDS, seed=st.integers(0, 99), n_parts=st.integers(1, 5))
def test_order_and_parts_of_the_events_change_no_list(spark_frame, frame, kind, seed, n_parts):
    model = fitted(kind, panel_of(kind, frame))
    found = collected(recommend(model, spark_frame(shuffled(frame, seed)).repartition(n_parts), 3))
    wanted = model.recommend_from(frame, 3).sort_values(["user_id", "rank"], ignore_index=True)
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False, check_exact=True)


@tried(6)
@given(frame=events(least=6), kind=KINDS, seed=st.integers(0, 99))
def test_users_asked_together_with_strangers_get_their_own_lists(spark_frame, frame, kind, seed):
    model = fitted(kind, panel_of(kind, frame))
    number = not isinstance(frame["user_id"].iloc[0], str)
    others = frame.assign(user_id=frame["user_id"] + (10**6 if number else " the second"))
    both = collected(recommend(model, spark_frame(shuffled(pd.concat([frame, others]), seed)), 3))
    wanted = model.recommend_from(frame, 3).sort_values(["user_id", "rank"], ignore_index=True)
    own = both[both["user_id"].isin(frame["user_id"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(own, wanted, check_dtype=False, check_exact=True)
    assert len(both) == 2 * len(wanted)


@tried(2)
@given(seed=st.integers(0, 9999), n_parts=st.integers(1, 5), related=st.sampled_from([0.0, 0.5, 1.0]))
def test_a_fit_on_spark_does_not_depend_on_order_and_parts(spark_frame, seed, n_parts, related):
    panel, _ = make_panel(120, 30, relatedness=related, events_per_user=6, random_state=seed)
    frame = panel.to_frame().astype({"category": str})
    als = ALSFactors(4, alpha=5.0, iterations=2)

    def lists(given):
        routes = [NeighbourRoute(20), TransferRoute(als, als)]
        return fit(given, "films", routes=routes, n_folds=1).recommend_from(frame, 3)

    pd.testing.assert_frame_equal(
        lists(spark_frame(frame)),
        lists(spark_frame(shuffled(frame, seed)).repartition(n_parts)),
        check_exact=True,
    )
