"""Fits on Spark against local fits. ``python -m benchmarks.spark [TARGET …]``; needs Java 17 and pyspark.

On Amazon clothing and sports a mapper is fitted on ``local[2]`` by MLlib, locally with the same routes (ALS
by implicit), and locally with the default routes; all rank the held-out rows of users who are new to the
target. Figures go to ``results/spark.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyspark.sql import SparkSession

import tastebridge as tb
from benchmarks.environment import RESULTS, data_file
from tastebridge.evaluation import evaluate_sampled
from tastebridge.recommenders.attributes import encoder_of
from tastebridge.spark import fit, recommend
from tastebridge.spark.fitting import default_routes
from tastebridge.splits import Split

COLUMNS = ["user_id", "item_id", "category"]
FILE = "amazon_cloth_sport_cold.parquet"
SPARK, SAME, DEFAULT = "Spark", "local, same routes", "local, default routes"


class Served:
    """The scores a mapper gives some users of a panel by their histories, as one without users does."""

    def __init__(self, mapper: tb.InterestMapper, panel: tb.Panel, user_ids: np.ndarray) -> None:
        self.users, self.items = tb.Vocabulary.from_ids(user_ids), mapper.items_[mapper.target]
        few, histories = encoder_of(mapper).fold_in(panel[panel.users.numbers(self.users.ids)], quiet=True)
        assert few.users == self.users
        self.scores = mapper.model_.user_vectors(histories) @ mapper.item_vectors().vectors.T

    def predict(self, pairs: pd.DataFrame) -> np.ndarray:
        """Return the score of each pair."""
        return self.scores[self.users.numbers(pairs["user_id"]), self.items.numbers(pairs["item_id"])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", default=["cloth", "sport"])
    parser.add_argument("--rows", default="test", choices=["valid", "test"])
    arguments = parser.parse_args()
    os.environ["PYSPARK_PYTHON"] = sys.executable
    settings = {"spark.driver.memory": "2g", "spark.sql.shuffle.partitions": "4", "spark.ui.enabled": "false"}
    builder = SparkSession.builder.master("local[2]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    rows = pd.read_parquet(data_file(FILE))
    figures = {
        f"{target} {arguments.rows}": figures_of(builder.getOrCreate(), rows, target, arguments.rows)
        for target in arguments.targets
    }
    print(json.dumps(figures, indent=1))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "spark.json").write_text(json.dumps(figures, indent=1) + "\n")


def figures_of(session: Any, rows: pd.DataFrame, target: str, judged: str) -> dict[str, Any]:
    """Return NDCG@10 of each fit, their differences to the local one of the same routes, and seconds."""
    train, truth = (
        rows[rows["split"] == "train"],
        rows[(rows["split"] == judged) & (rows["category"] == target)],
    )
    panel = tb.Panel.from_frame(train[COLUMNS])
    events = session.createDataFrame(pa.Table.from_pandas(train[COLUMNS], preserve_index=False)).cache()
    events.count()
    routes, seconds = default_routes(64, 0), {}

    def timed(name: str, make: Any) -> Any:
        started = time.perf_counter()
        made = make()
        seconds[name] = round(time.perf_counter() - started, 1)
        return made

    mappers = {
        SPARK: timed(SPARK, lambda: fit(events, target)),
        SAME: timed(SAME, lambda: tb.InterestMapper(target, routes=routes, n_folds=1).fit(panel)),
        DEFAULT: timed(DEFAULT, lambda: tb.InterestMapper(target).fit(panel)),
    }
    answer = recommend(mappers[SPARK], events, 20)
    timed("recommend, Spark", lambda: answer.write.format("noop").mode("overwrite").save())
    timed("recommend, local", lambda: mappers[SPARK].recommend_from(panel, 20))
    split = Split(panel, target, truth)
    served = {name: Served(mapper, panel, split.user_ids) for name, mapper in mappers.items()}
    table = evaluate_sampled(served, split, ["ndcg@10"], baseline=SAME, fit=False)
    return {"people": len(panel), "rows": len(truth), "seconds": seconds, "table": table.to_dict("records")}


if __name__ == "__main__":
    main()
