import numpy as np
import pytest

from tastebridge.datasets import make_scenario
from tastebridge.datasets.scenarios import SCENARIOS
from tastebridge.exceptions import InvalidParameterError


@pytest.mark.parametrize("name", SCENARIOS)
def test_people_follow_the_same_themes_in_all_related_categories(name):
    panel, scenario = make_scenario(name, n_users=400), SCENARIOS[name]
    assert set(panel.categories) == set(scenario.kinds)
    related = [category for category in panel.categories if category not in scenario.unrelated]
    shares = {category: _shares(panel, category, scenario) for category in related}
    one, other = related[:2]
    both = panel.linked(one, other)
    same = (shares[one][both] * shares[other][both]).sum(axis=1).mean()
    by_chance = (shares[one][both] * shares[other][np.roll(both, 1)]).sum(axis=1).mean()
    assert same > 2 * by_chance
    for category, share in scenario.presence.items():
        assert len(panel[category].active_numbers) / 400 == pytest.approx(share, abs=0.08)


def _shares(panel, category, scenario):
    """Return for each person the share of each theme among their items there."""
    numbers = np.array([int(item.split(":")[1]) for item in panel[category].items.ids])
    themes = np.eye(len(scenario.themes))[numbers // len(scenario.kinds[category])]
    counts = panel[category].matrix.astype(bool).astype(float) @ themes
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def test_weights_are_worth_of_events_and_every_item_has_a_name():
    panel = make_scenario("shop", n_users=50)
    assert set(np.unique(panel["books"].matrix.data)) == {1.0, 5.0}
    for category in panel.categories:
        assert panel.item_names[category].reindex(panel[category].items.ids).notna().all()
    assert panel.has_times


def test_the_same_number_gives_the_same_panel_and_unknown_scenarios_are_refused():
    assert make_scenario("health", 40, 3).to_frame().equals(make_scenario("health", 40, 3).to_frame())
    assert not make_scenario("health", 40, 3).to_frame().equals(make_scenario("health", 40, 4).to_frame())
    with pytest.raises(InvalidParameterError, match="Did you mean 'shop'"):
        make_scenario("shops")
