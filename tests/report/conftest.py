import pandas as pd
import pytest

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.factors import SVDFactors
from tastebridge.maps import RidgeMap
from tastebridge.routes import JointRoute, NeighbourRoute, TargetRoute, TransferRoute

NASTY = "</script><script>document.title='broken'</script>"


@pytest.fixture(scope="session")
def mapper():
    """A mapper with a source that helps and one that does not, and an item of a nasty name."""
    shares = {"books": 0.95, "films": 0.95, "noise": 0.0}
    panel, _ = make_panel(900, 60, list(shares), relatedness=shares, overlap=0.7, events_per_user=8)
    frame = panel.to_frame()
    frame["user_id"] = "person-" + frame["user_id"].astype(str)
    items = frame["item_id"].drop_duplicates()
    names = pd.DataFrame({"item_id": items, "name": "the " + items})
    popular = frame["item_id"].value_counts().index[:40]
    names.loc[names["item_id"].isin(popular), "name"] += " " + NASTY
    routes = [
        TransferRoute(SVDFactors(8), SVDFactors(12), RidgeMap(0.5)),
        NeighbourRoute(50),
        TargetRoute(SVDFactors(12)),
        JointRoute(SVDFactors(10)),
    ]
    return tb.InterestMapper("films", routes=routes, n_folds=2).fit(
        tb.Panel.from_frame(frame, item_names=names)
    )


@pytest.fixture(scope="session")
def page(mapper, tmp_path_factory):
    """The report with people to look up."""
    return mapper.report(tmp_path_factory.mktemp("report") / "report.html", people=40)
