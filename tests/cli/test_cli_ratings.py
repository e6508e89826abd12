import numpy as np
import pandas as pd
import pytest

import tastebridge as tb
from contracts.shell import run
from tastebridge.datasets import make_panel


@pytest.fixture(scope="module")
def stars(tmp_path_factory):
    path = tmp_path_factory.mktemp("stars") / "stars.csv"
    frame = make_panel(200, 40, ("books", "films"), events_per_user=8, overlap=0.8)[0].to_frame()
    mild = np.random.default_rng(0).integers(-1, 2, 200)[frame["user_id"]]
    frame["weight"] = 3.0 + mild + pd.factorize(frame["item_id"], sort=True)[0] % 2
    pd.concat([frame, frame[:30]]).to_csv(path, index=False)  # some rate twice
    return path


def test_evaluate_of_ratings_shows_errors_beside_the_baselines(stars):
    figures = stars.with_name("figures.csv")
    code, text, _ = run("evaluate", stars, "-t", "films", "--feedback", "explicit", "-o", figures)
    assert code == 0
    for word in ("RMSE of the held-out ratings", "MAE of the held-out", "item mean", "user and item bias"):
        assert word in text
    assert all(len(line) <= 80 for line in text.splitlines() if str(figures) not in line)
    means = pd.read_csv(figures).set_index(["metric", "model"])["mean"]
    for metric in ("rmse", "mae"):
        assert means[metric, "tastebridge"] < means[metric, "user and item bias"] < means[metric, "mean"]
    code, _, err = run("evaluate", stars, "-t", "films", "--feedback", "explicit", "-m", "ndcg@10")
    assert code == 2
    assert "--metric must be one of 'rmse', 'mae'" in err


def test_fit_of_ratings_writes_a_model_whose_scores_are_ratings(stars):
    model, out = stars.with_name("model"), stars.with_name("out.csv")
    code, text, _ = run("fit", stars, "-t", "films", "-o", model, "--feedback", "explicit")
    assert code == 0
    assert "Errors of predicted ratings in films" in text
    assert "--duplicates last" in text
    assert isinstance(tb.load(model), tb.RatingMapper)
    assert run("recommend", model, stars, "--duplicates", "last", "-o", out, "-n", 2)[0] == 0
    assert pd.read_csv(out)["score"].between(2.0, 5.0).all()
    assert run("recommend", model, stars, "--duplicates", "last", "-o", out, "--rank-by", "rating")[0] == 2


def test_lists_of_ratings_can_be_ranked_by_preference(stars):
    words = ("--feedback", "explicit", "--rank-by", "preference")
    code, text, _ = run("fit", stars, "-t", "films", "-o", stars.with_name("liked"), *words)
    assert code == 0
    assert "Does it help" in text
    assert tb.load(stars.with_name("liked")).rank_by == "preference"
