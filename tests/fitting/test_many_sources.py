"""Of many sources only a few are looked at one by one; all are read by the routes of all categories."""

import numpy as np
import pytest

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.fitting.plan import FEW, MANY, looked_at

pytestmark = pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
NAMES = ["films", *(f"shop {number:02d}" for number in range(MANY + 1))]


@pytest.fixture(scope="module")
def fitted():
    panel, _ = make_panel(150, 12, NAMES, overlap=0.7, events_per_user=3, random_state=0)
    return panel, tb.InterestMapper("films", n_folds=1, n_lists=60, n_negatives=8).fit(panel)


def test_only_the_sources_with_most_shared_users_have_routes_of_their_own(fitted):
    panel, mapper = fitted
    histories = {name: panel[name].matrix for name in panel.categories}
    near = looked_at(histories, "films")
    shared = {name: len(panel.linked(name, "films")) for name in NAMES[1:]}
    assert len(near) == FEW
    assert min(shared[name] for name in near) >= max(n for name, n in shared.items() if name not in near)
    alone = {route.sources[0] for route in mapper.model_.routes if len(route.sources) == 1}
    assert alone <= {*near, "films"}
    table = mapper.transfer_.set_index("source")
    assert table.index.tolist() == [*NAMES[1:], "all together"]
    assert set(table.index[table["lift"].notna()]) == {*near, "all together"}
    assert table["linked"].drop("all together").to_dict() == shared
    assert set(mapper.interests()["category"]) == {*near, "films"}


def test_what_is_known_in_the_other_sources_is_read(fitted):
    panel, _ = fitted
    mapper = tb.InterestMapper("films", n_folds=1, n_lists=60, n_negatives=8).fit(panel)
    far = [name for name in NAMES[1:] if name not in set(mapper.interests()["category"])]
    categories = [set(mapper.model_.encoders[route.encoder].categories) for route in mapper.model_.routes]
    if mapper.transfer_["kept"].iloc[-1]:
        assert any(set(far) <= some for some in categories)
    assert not any(len(some) == 1 and some <= set(far) for some in categories)


def test_it_is_saved_and_shown_like_any_other(fitted, tmp_path):
    panel, mapper = fitted
    mapper.save(tmp_path / "model", with_users=True)
    loaded = tb.load(tmp_path / "model")
    assert loaded.transfer_.equals(mapper.transfer_)
    lists = [model.recommend(panel.users.ids[:9], n=3) for model in (mapper, loaded)]
    assert lists[0].equals(lists[1])
    page = tmp_path / "report.html"
    mapper.report(page)
    text = page.read_text(encoding="utf-8")
    assert "all together" in text
    assert f"of {MANY + 1}" in text
    assert np.isfinite(lists[0]["score"]).all()
