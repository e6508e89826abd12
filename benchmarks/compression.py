"""The savings and losses of compression. ``python -m benchmarks.compression``.

An :class:`~tastebridge.InterestMapper` of each direction of Amazon clothing and sports is compressed several
ways, and judged on the rows of ``valid``: users new to the target, every item ranked. A plain
truncated SVD of the item matrix is the comparison. Figures go to ``results/compression.json``.
"""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

import tastebridge as tb
from benchmarks.environment import RESULTS, data_file
from tastebridge.recommenders.compression import collapsing
from tastebridge.recommenders.compression.judging import Lists, judge, kinds_of
from tastebridge.recommenders.compression.projection import Projection
from tastebridge.recommenders.held_out import held_out
from tastebridge.routes import width_of

COLUMNS = ["user_id", "item_id", "category"]
FILE = "amazon_cloth_sport_cold.parquet"
WAYS = [(None, "float16"), (None, "int8"), *((k, "int8") for k in (64, 128, 256, 512)), (128, "float32")]
N_TIMED = 4000


def main() -> None:
    rows = pd.read_parquet(data_file(FILE))
    found: dict[str, list[dict[str, object]]] = {}
    for target in ("cloth", "sport"):
        mapper = tb.InterestMapper(target, random_state=0).fit(tb.Panel.from_frame(rows_of(rows, "train")))
        held = rows_of(rows[rows["category"] == target], "valid")
        with threadpool_limits(1):
            found[target] = list(figures(mapper, held))
        for one in found[target]:
            print(target, json.dumps(one), flush=True)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "compression.json").write_text(json.dumps(found, indent=1) + "\n")


def rows_of(rows: pd.DataFrame, split: str) -> pd.DataFrame:
    return rows.loc[rows["split"] == split, COLUMNS]


def figures(mapper: tb.InterestMapper, held: pd.DataFrame):
    """Yield the figures of the mapper itself and of every way to compress it."""
    yield {"way": "as fitted", **sizes(mapper), "ndcg": mapper.score(held), "loss": 0.0, "overlap": 1.0}
    for k, dtype in WAYS:
        small = mapper.compress(k, dtype, events=held)
        told = small.compression_.set_index("segment").loc["cold"]
        judged = {name: told[name] for name in ("ndcg", "loss", "loss_low", "loss_high", "overlap")}
        yield {"way": f"{k or 'all'}, {dtype}", **sizes(small), **judged}
    truth, histories = held_out(next(iter(mapper.targets_.values())), mapper.panel_, held)
    lists = kinds_of(Lists(histories, truth), mapper.target)
    for k in (128, 512):
        told = judge(mapper.model_, plain(mapper.model_, k), lists).iloc[0]
        yield {
            "way": f"plain SVD, {k}",
            **told[["ndcg", "loss", "loss_low", "loss_high", "overlap"]].to_dict(),
        }


def sizes(mapper: tb.InterestMapper) -> dict[str, object]:
    """Return the width of vectors, the size of the files, and how many users are served in a second."""
    with tempfile.TemporaryDirectory() as folder:
        mapper.save(Path(folder) / "model")
        size = sum(path.stat().st_size for path in Path(folder, "model").iterdir())
    people = mapper.panel_.users.ids[:N_TIMED]
    seconds = []  # of the processor, on one thread: others may share it
    for _ in range(3):
        start = time.process_time()
        mapper.recommend(people)
        seconds.append(time.process_time() - start)
    width = mapper.item_vectors().vectors.shape[1]
    return {"components": width, "megabytes": size / 2**20, "people_per_second": N_TIMED / min(seconds)}


def plain(model, k: int):
    """Return the model compressed by the truncated SVD of its item matrix, without regard to its users."""
    V = model.item_vectors().astype(np.float64)
    Q = np.linalg.eigh(V.T @ V)[1][:, ::-1][:, :k]
    starts = dict(zip(model.spaces, collapsing._starts(model), strict=True))
    projection = Projection(Q, V @ Q)
    routes = tuple(
        collapsing._led(
            route,
            projection.people[starts[route.space] :],
            np.ones(width_of(model.encoders[route.encoder].model)),
        )
        for route in model.routes
    )
    return replace(model, routes=routes, spaces={collapsing.SPACE: projection.items.astype(np.float32)})


if __name__ == "__main__":
    main()
