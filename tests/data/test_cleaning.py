import contextlib

import numpy as np
import pandas as pd
import pytest

from tastebridge.data import CleaningPolicy, CleaningReport, Panel
from tastebridge.data.cleaning import CleaningStep
from tastebridge.data.cleaning_steps import scrub
from tastebridge.data.events import Events
from tastebridge.exceptions import InvalidParameterError, TastebridgeWarning


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"missing_ids": "drp"},
            "missing_ids must be one of 'drop', 'error'; got 'drp'. Did you mean 'drop'",
        ),
        ({"zero_weights": None}, "zero_weights must be one of"),
        ({"duplicates": "mean"}, "duplicates must be one of 'sum', 'max', 'last', 'count', 'error'"),
        ({"max_events_per_user": 0}, "max_events_per_user must be a whole number, at least 1; got 0"),
        ({"min_user_events": 1.5}, "min_user_events must be a whole number"),
        ({"min_item_events": -1}, "min_item_events must be a whole number"),
    ],
)
def test_policy_checks_itself(parameters, message):
    with pytest.raises(InvalidParameterError, match=message):
        CleaningPolicy(**parameters)


def test_report_reads_well():
    steps = (CleaningStep("missing ids", 1_200, "no user"), CleaningStep("duplicates", 3, "merged by sum"))
    report = CleaningReport(5_000, 3_797, steps)
    assert str(report).splitlines() == [
        "5,000 rows in, 3,797 out: 1,200 dropped, 3 merged.",
        "  missing ids: 1,200 (no user)",
        "  duplicates: 3 (merged by sum)",
    ]
    assert report.to_frame()["rows"].tolist() == [1_200, 3]
    assert report.bad == steps[:1]
    assert CleaningReport(1, 1).to_frame().empty


@pytest.mark.parametrize(
    ("policy", "event_weights", "kept"),
    [
        (CleaningPolicy(), None, [1.0]),
        (CleaningPolicy(duplicates="last"), None, [-1.0, 0.0, 1.0]),
        (CleaningPolicy(duplicates="last"), {"buy": 1.0}, [1.0]),
        (CleaningPolicy(duplicates="last", ratings=False), None, [1.0]),
        (CleaningPolicy(ratings=True), None, [-1.0, 0.0, 1.0]),
    ],
)
def test_ratings_of_zero_and_below_are_kept_where_weights_are_ratings(policy, event_weights, kept):
    frame = pd.DataFrame(
        {"user_id": "ada", "item_id": ["a", "b", "c"], "category": "films", "weight": [-1.0, 0.0, 1.0]}
    ).assign(event="buy")
    context = pytest.warns(TastebridgeWarning) if len(kept) == 1 else contextlib.nullcontext()
    with context:
        panel = Panel.from_frame(frame, policy=policy, event_weights=event_weights)
    assert panel["films"].matrix.data.tolist() == kept
    again = Panel.from_frame(panel.to_frame(), policy=policy)
    assert again["films"].matrix.data.tolist() == kept


@pytest.mark.parametrize("cap", [None, 2])
@pytest.mark.parametrize("bad", [None, "user", "item", "weight", "time", "sign", "zero", "endless"])
def test_one_look_at_sound_rows_hides_no_rule(bad, cap):
    """Sound rows pass in one look; a single bad row of any kind still falls to its rule."""
    codes = {name: np.array([0, 0, 1, 2], dtype=np.int32) for name in ("users", "items", "categories")}
    weights, times = np.ones(4), np.arange(4.0)
    if bad in ("user", "item"):
        codes[f"{bad}s"][2] = -1
    worst = {"weight": np.nan, "sign": -1.0, "zero": 0.0, "endless": np.inf}
    weights[2] = worst.get(bad, 1.0)
    times[2] = np.nan if bad == "time" else 2.0
    ids = [np.array(["a", "b", "c"], dtype=object)] * 3
    events = Events(*ids, *codes.values(), weights, times)
    kept, steps = scrub(events, CleaningPolicy(max_events_per_user=cap))
    assert len(kept) == (4 if bad is None else 3)
    assert [step.rows for step in steps] == ([] if bad is None else [1])
