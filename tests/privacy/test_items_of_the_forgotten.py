"""After a refit without some users nothing of theirs is left: not even the ids of items only they had."""

import numpy as np
import pandas as pd
import pytest

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.persist.fingerprint import fingerprint
from tastebridge.routes import NeighbourRoute, PopularityRoute

SECRET = pd.DataFrame(
    {
        "user_id": 9999,
        "item_id": ["secret book", "secret film", "films:000"],
        "category": ["books", "films", "films"],
    }
)

pytestmark = pytest.mark.filterwarnings("ignore:no source helps")


@pytest.fixture(scope="module")
def frame():
    frame = make_panel(150, 30, categories=("books", "films"), events_per_user=8)[0].to_frame()
    return frame.assign(category=frame["category"].astype(str))[["user_id", "item_id", "category"]]


def fitted(data, names=None):
    routes = [PopularityRoute(), NeighbourRoute(within=False)]
    panel = data if isinstance(data, tb.Panel) else tb.Panel.from_frame(data, item_names=names)
    return tb.InterestMapper("films", routes=routes, n_folds=1).fit(panel)


def test_a_refit_leaves_no_id_of_items_only_the_forgotten_had(frame, tmp_path):
    names = pd.DataFrame({"item_id": ["secret film", "films:00"], "name": ["A secret name", "A film"]})
    mapper = fitted(pd.concat([frame, SECRET]), names)
    receipt = mapper.forget([9999], refit_items=True)
    assert not receipt.owed
    mapper.save(tmp_path / "model", with_users=True)
    whole = b"".join(path.read_bytes() for path in (tmp_path / "model").iterdir())
    assert b"secret" not in whole
    for name in ("books", "films"):
        assert not any("secret" in item for item in mapper.items_[name].ids)
    fresh = fitted(frame)
    for name in ("books", "films"):
        np.testing.assert_array_equal(mapper.items_[name].ids, fresh.items_[name].ids)
    pd.testing.assert_frame_equal(mapper.recommend(n=5), fresh.recommend(n=5), check_exact=True)


def test_the_fit_is_that_of_events_without_them_to_the_last_bit(frame):
    mapper = fitted(pd.concat([frame, SECRET]))
    mapper.forget([9999], refit_items=True)
    again, fresh = fitted(mapper.panel_), fitted(frame)
    assert fingerprint(mapper) == fingerprint(again)
    np.testing.assert_array_equal(mapper.item_vectors().vectors, fresh.item_vectors().vectors)


def test_without_a_refit_the_receipt_says_that_the_ids_stay(frame):
    mapper = fitted(pd.concat([frame, SECRET]))
    receipt = mapper.forget([9999])
    assert "the ids of items that only they had" in receipt.owed
    assert "secret film" in mapper.items_["films"].ids
    assert "the ids of items that only they had" in str(receipt)


def test_items_that_features_describe_stay(frame):
    panel = tb.Panel.from_frame(pd.concat([frame, SECRET]))
    ids = np.append(
        np.unique(frame.loc[frame["category"] == "films", "item_id"]), ["secret film", "unseen film"]
    )
    panel = panel.with_item_features(
        "films", np.random.default_rng(0).normal(size=(len(ids), 3)), item_ids=ids
    )
    mapper = fitted(panel)
    mapper.forget([9999], refit_items=True)
    assert {"secret film", "unseen film"} <= set(mapper.items_["films"].ids)
    assert "secret book" not in mapper.items_["books"].ids


def test_a_category_only_they_had_goes_whole(frame):
    alone = pd.DataFrame({"user_id": 9999, "item_id": ["secret song"], "category": "music"})
    mapper = fitted(pd.concat([frame, SECRET, alone]))
    mapper.forget([9999], refit_items=True)
    assert "music" not in mapper.items_
