"""Do folds need factors of their own? ``python -m benchmarks.folds``.

Routes are judged on users whose rows in the target were hidden while the routes were fitted. Factors of
single sources are the same with and without these rows, and are shared. Factors of the target, and of all
categories side by side, are fitted again without the rows. A shortcut would take them from the fit on all
users and learn only the maps again. Both ways are fitted on Amazon clothing and sports, and their NDCG@10
out of fold is compared with the NDCG@10 on the users of ``valid``, whom neither has seen.
"""

from __future__ import annotations

import json
import time
from unittest import mock

import pandas as pd

import tastebridge as tb
from benchmarks.compression import FILE, rows_of
from benchmarks.environment import RESULTS, data_file
from tastebridge.routes import FitContext


def main() -> None:
    rows = pd.read_parquet(data_file(FILE))
    panel = tb.Panel.from_frame(rows_of(rows, "train"))
    found = {}
    for target in ("cloth", "sport"):
        held = rows_of(rows[rows["category"] == target], "valid")
        found[target] = {"factors fitted again": figures(panel, target, held)}
        with mock.patch.object(FitContext, "factors", shortcut(FitContext.factors)):
            found[target]["factors of everybody"] = figures(panel, target, held)
        print(target, json.dumps(found[target], indent=1), flush=True)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "folds.json").write_text(json.dumps(found, indent=1) + "\n")


def shortcut(plain):
    """Return ``FitContext.factors`` that takes all factors, also of the target, from the fit on all users."""

    def factors(context: FitContext, categories: tuple[str, ...], estimator: object) -> object:
        while context._parent is not None:
            context = context._parent
        return plain(context, categories, estimator)

    return factors


def figures(panel: tb.Panel, target: str, held: pd.DataFrame) -> dict[str, float]:
    start = time.process_time()
    mapper = tb.InterestMapper(target, random_state=0, n_jobs=1).fit(panel)
    seconds = time.process_time() - start
    believed = mapper.evidence_["cold"].values["blend"]
    return {"out of fold": float(believed.mean()), "valid": mapper.score(held), "cpu_seconds": seconds}


if __name__ == "__main__":
    main()
