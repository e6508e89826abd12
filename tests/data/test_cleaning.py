import pytest

from tastebridge.data import CleaningPolicy, CleaningReport
from tastebridge.data.cleaning import CleaningStep
from tastebridge.exceptions import InvalidParameterError


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
