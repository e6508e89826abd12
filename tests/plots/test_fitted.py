"""Pictures of a fitted mapper and a panel in one call, and the cards of notebooks."""

from types import SimpleNamespace
from typing import ClassVar

import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

import tastebridge as tb
from tastebridge import plots
from tastebridge.diagnostics import confidence
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.plots import fitted
from tastebridge.recommenders.cards import card_of

NASTY = "<script>films</script>"


class Mapper:
    """The attributes that pictures read."""

    target = "films"
    transfer_ = pd.DataFrame(
        {
            "source": ["books", "music"],
            "lift": [0.02, -0.03],
            "lift_low": [0.01, -0.04],
            "lift_high": [0.03, -0.02],
            "verdict": ["helps", "hurts"],
        }
    )
    confidence_: ClassVar = {}


@pytest.fixture(scope="module")
def panel():
    rows = [
        (user, f"{name}-{(user * 7 + at) % 9}", name)
        for user in range(40)
        for name in (NASTY, "b")
        for at in (0, 3)
    ]
    return tb.Panel.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "category"]))


def test_the_picture_of_sources_is_that_of_their_lifts():
    rows = [("books", 0.02, 0.01, 0.03, "good"), ("music", -0.03, -0.04, -0.02, "bad")]
    title = "Lift of each source for users new to films, with 95 % intervals"
    assert plots.transfer(Mapper()) == plots.interval_plot(rows, title, "lift of NDCG@10")


def test_of_several_targets_one_is_named():
    mapper = Mapper()
    mapper.transfer_ = Mapper.transfer_.assign(target=["films", "games"])
    with pytest.raises(InvalidParameterError, match="'films', 'games'"):
        plots.transfer(mapper)
    assert "music" in plots.transfer(mapper, "games")
    assert "books" not in plots.transfer(mapper, "games")


def test_relatedness_is_that_of_the_panel(panel):
    table = panel.relatedness(2, 3)
    values = {(row.source, row.target): row.correlation for row in table.itertuples()}
    title = "Canonical correlations of tastes, out of fold"
    assert plots.relatedness(panel, 2, 3) == plots.heat_map(values, list(panel.categories), title)


def test_reliability_is_of_the_length_asked_for():
    class Part:
        def __init__(self, value):
            self.reliability = pd.DataFrame([(value, value, 30)]).to_numpy()

    mapper = Mapper()
    mapper.confidence_ = {"warm": [Part(n / 100) for n in fitted.LENGTHS]}
    assert "predicted 0.20" in plots.reliability(mapper, n=20)
    assert plots.reliability(mapper) == plots.reliability(mapper, "warm", 10)
    with pytest.raises(InvalidDataError, match="too few users"):
        plots.reliability(mapper, "cold")
    for wrong in ({"n": 7}, {"segment": "hot"}):
        with pytest.raises(InvalidParameterError, match=str(next(iter(wrong.values())))):
            plots.reliability(mapper, **wrong)
    assert fitted.LENGTHS == confidence.LENGTHS


def test_the_card_of_a_panel_escapes_names_and_shows_no_user(panel):
    card = panel._repr_html_()
    assert NASTY not in card
    assert "&lt;script&gt;" in card
    assert "Panel of 40 users in 2 categories" in card
    assert f">{panel.overview().loc['b', 'interactions']:,.0f}<" in card


def test_the_card_of_a_recommender_is_shown_after_a_fit(panel):
    model = tb.Popularity("b")
    assert "sk-" in model._repr_html_()
    card = model.fit(panel)._repr_html_()
    assert "Popularity: recommends in b" in card
    assert model._repr_mimebundle_()["text/html"] == card
    assert "the 40 users of the fit" in card
    assert NASTY not in tb.Popularity(NASTY).fit(panel)._repr_html_()


def test_what_a_picture_cannot_be_of_is_one_error(panel):
    popular = tb.Popularity(NASTY).fit(panel)
    for draw in (plots.transfer, plots.reliability):
        with pytest.raises(NotFittedError):
            draw(tb.InterestMapper(NASTY))
        for other in (popular, panel, None):
            with pytest.raises(InvalidParameterError, match="a fitted InterestMapper; a"):
                draw(other)
    for other in (popular, 5):
        with pytest.raises(InvalidParameterError, match="relatedness draws a Panel"):
            plots.relatedness(other)


def test_a_category_that_is_not_the_target_is_refused():
    assert plots.transfer(Mapper(), "films") == plots.transfer(Mapper())
    with pytest.raises(InvalidParameterError, match="recommends in 'films'; got category='games'"):
        plots.transfer(Mapper(), "games")


def test_the_reliability_of_several_targets_is_not_one():
    mapper = Mapper()
    mapper.joint_, mapper.confidence_ = object(), {"films": {}, "games": {}}
    with pytest.raises(InvalidParameterError, match=r"mappers_\['films'\]"):
        plots.reliability(mapper)


def test_the_card_tells_later_events_from_hidden_ones_and_shows_the_best_sources_first():
    accuracy = [("cold", 0.5), ("warm", 0.25), ("cold in time", 0.3), ("warm in time", 0.07)]
    findings = pd.DataFrame(
        [(segment, "tastebridge", mean, mean - 0.01, mean + 0.01) for segment, mean in accuracy],
        columns=["segment", "list", "mean", "low", "high"],
    )
    lifts = pd.DataFrame(
        {"source": ["a", "z"], "verdict": "helps", "kept": True, "lift": [0.01, 0.2], "lift_low": 0.0}
    ).assign(lift_high=0.3)
    state = SimpleNamespace(findings={"accuracy": findings}, tables={"transfer_": lifts})
    mapper = SimpleNamespace(targets_={"films": state}, items_={"films": [1, 2]}, panel_=None)
    card = card_of(mapper)
    assert "Users new to the target: NDCG@10 0.500 (0.490 … 0.510), out of fold." in card
    assert "Users with a history there: NDCG@10 0.070 (0.060 … 0.080), on later events." in card
    assert card.index("+0.2000") < card.index("+0.0100")
