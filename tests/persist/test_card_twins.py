"""The sentences on twins of a model card, with a name made to break it."""

import pandas as pd
import pytest

import tastebridge as tb
from contracts import twin_shop
from tastebridge.factors import SVDFactors
from tastebridge.routes import NeighbourRoute, TransferRoute

NASTY = "films\n# <script>|"


@pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
def test_a_nasty_name_stays_one_line_of_text(tmp_path):
    frame = twin_shop.events(300)
    frame["category"] = frame["category"].replace("films", NASTY)
    routes = [TransferRoute(SVDFactors(4), SVDFactors(4)), NeighbourRoute(60)]
    mapper = tb.InterestMapper(NASTY, routes=routes, n_lists=100, n_negatives=20, n_folds=1).fit(frame)
    mapper.save(tmp_path / "model")
    card = (tmp_path / "model" / "README.md").read_text()
    said = next(line for line in card.splitlines() if line.startswith("Twins: "))
    assert f"Twins: {len(mapper.twins_)} pairs of items, one of films # &lt;script>\\|" in said
    assert "<script>" not in card
    pd.testing.assert_frame_equal(tb.load(tmp_path / "model").twins_, mapper.twins_)
