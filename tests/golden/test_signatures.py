import pytest
import signatures

_CONTEXT = "a workshop is a fit context now, as the field says; it is passed by position"
CHANGED_ON_PURPOSE: dict[str, str] = (
    {
        f"{route}.build": _CONTEXT
        for route in (
            "ContentRoute",
            "JointRoute",
            "LikenessRoute",
            "NeighbourRoute",
            "PopularityRoute",
            "Route",
            "SharedItemsRoute",
            "TargetRoute",
            "TransferRoute",
        )
    }
    | dict.fromkeys(
        ("account", "audience_all", "recommend", "recommend_all", "write_vectors"),
        "histories are cleaned by the policy of the model where none is given, as by recommend_from",
    )
    | dict.fromkeys(
        ("InterestMapper.report", "write_report"),
        "no user is in a report unless events or a number are given",
    )
)
"""Signatures that went or changed, each with the reason: ``"Name.method": "why"``."""

TODAY = signatures.today()
RECORDED = signatures.recorded()


@pytest.mark.parametrize(("key", "text"), RECORDED, ids=[key for key, _ in RECORDED])
def test_a_public_signature_is_still_there(key, text):
    if key in CHANGED_ON_PURPOSE:
        pytest.skip(f"changed on purpose: {CHANGED_ON_PURPOSE[key]}")
    assert key in TODAY, f"{key}{text} is no longer public."
    told = min((signatures.missing(text, now) for now in TODAY[key]), key=len)
    assert not told, f"{key}: {'; '.join(told)}."


def test_what_changed_on_purpose_was_recorded_and_has_a_reason():
    known = {key for key, _ in RECORDED}
    assert not [key for key, why in CHANGED_ON_PURPOSE.items() if key not in known or not why.strip()]


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("(a, b=1)", "(a, b=1, c=2)", ""),
        ("(a, *, b=(1, 'x,y'))", "(a, *, b=(1, 'x,y'), c=None)", ""),
        ("(a, b)", "(a)", "b is gone"),
        ("(a, b=1)", "(a, b=2)", "'b=1' and is 'b=2'"),
        ("(a, b=1)", "(a, *, b=1)", "was 'b=1'"),
        ("(a, b=1)", "(a, c, b=1)", "c has no default"),
        ("(a, b=1)", "(a, c=0, b=1)", "positional parameters"),
        ("(a, b=1)", "(a, **b)", "was 'b=1'"),
        ("property", "()", "it was 'property'"),
    ],
)
def test_lost_and_changed_parameters_are_told(was, now, said):
    told = "; ".join(signatures.missing(was, now))
    assert said in told
    assert bool(told) == bool(said)
