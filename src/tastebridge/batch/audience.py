"""Audiences among millions of users: the users most likely to want given items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tastebridge._foundation.validation import check_choice, check_count
from tastebridge.batch.destination import Destination
from tastebridge.batch.driver import Driver
from tastebridge.batch.job import Job
from tastebridge.batch.kernel import HistoryKernel, Read, ids_at
from tastebridge.batch.manifest import Manifest
from tastebridge.batch.memory import parse_memory
from tastebridge.batch.recommending import open_source
from tastebridge.batch.schema import id_type
from tastebridge.batch.stamping import Stamp
from tastebridge.data import CleaningPolicy, ReadingOptions
from tastebridge.data.types import Id, Ids
from tastebridge.exceptions import InvalidParameterError
from tastebridge.loading import load
from tastebridge.recommenders import Recommender
from tastebridge.recommenders.answers import finder
from tastebridge.recommenders.audience import best_users, item_numbers
from tastebridge.routes.twins import LEAVE_OUT, TWINS


class AudienceKernel(HistoryKernel):
    """The ``n`` users of a batch most likely to want each item: item_id, user_id, score, rank.

    :meth:`combine` merges the answers to several batches.

    Parameters
    ----------
    recommender : Recommender
    items : id or list of ids
        Items of the target.
    n : int, default=100
        Users for each item, at most.
    twins : {"leave out", "keep"}, default="leave out"
        As for :meth:`~tastebridge.InterestMapper.audience`.
    **options
        As for :class:`tastebridge.batch.RecommendationKernel`.

    Examples
    --------
    >>> import tastebridge as tb
    >>> from tastebridge.batch import AudienceKernel, nest
    >>> from tastebridge.datasets import make_panel
    >>> panel, _ = make_panel(n_users=200, n_items=40)
    >>> kernel = AudienceKernel(tb.TargetOnly("films").fit(panel), "films:03", n=1)
    >>> fresh = {"user_id": ["ada", "eva"], "item_id": ["films:05", "films:03"], "category": ["films"] * 2}
    >>> kernel(nest(pa.table(fresh))).rows["user_id"].to_pylist()
    ['ada']
    """

    answer_bytes = 16

    def __init__(
        self,
        recommender: Recommender,
        items: Id | Ids,
        n: int = 100,
        *,
        twins: str = LEAVE_OUT,
        **options: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(recommender, **options)
        self.twins = check_choice("twins", twins, TWINS)
        known = self.state.items
        self.n = check_count("n", n)
        self.items = item_numbers(items, known)
        self.item_ids = known.ids_of(self.items)

    def schema(self, user_type: pa.DataType) -> pa.Schema:
        """Return item_id, user_id, score (float), rank (int64)."""
        item = pa.int64() if self.item_ids.dtype == np.int64 else pa.string()
        kinds = {"item_id": item, "user_id": id_type(user_type), "score": pa.float32(), "rank": pa.int64()}
        return pa.schema(list(kinds.items()))

    def combine(self, answers: Iterator[pa.Table]) -> Iterator[pa.Table]:
        """Yield one table of the best users in all answers, which must come in ascending order of users.

        Users with equal scores keep the order of the answers.
        """
        # merged one by one, so that only the best so far and a single part are in memory
        best: pa.Table | None = None
        for answer in answers:
            best = self._best_of(answer if best is None else pa.concat_tables([best, answer]))
        if best is not None:
            yield best

    def _answer(self, read: Read) -> tuple[dict[str, pa.Array], dict[str, int]]:
        users = read.panel.users.ids
        found, scores = best_users(
            finder(self.state, self.twins), read.histories, len(users), self.items, self.n, self.chunk
        )
        given = found >= 0
        columns = {
            "item_id": ids_at(self.item_ids, np.nonzero(given)[0]),
            "user_id": ids_at(users, found[given]),
            "score": pa.array(scores[given]),
            "rank": pa.array(np.nonzero(given)[1] + 1, pa.int64()),
        }
        return columns, {}

    def _best_of(self, rows: pa.Table) -> pa.Table:
        place = {item: number for number, item in enumerate(self.item_ids.tolist())}
        items = np.array([place[item] for item in rows["item_id"].to_pylist()], dtype=np.int64)
        order = np.lexsort((-rows["score"].to_numpy(), items))  # stable: at equal scores earlier users first
        items = items[order]
        # place in the whole table minus the place where the item begins
        rank = np.arange(len(items)) - np.searchsorted(items, items) + 1
        kept = rank <= self.n
        chosen = rows.take(pa.array(order[kept]))
        return chosen.set_column(3, "rank", pa.array(rank[kept], pa.int64())).combine_chunks()


def audience_all(
    model: str | Path | Recommender,
    events: str | Path,
    items: Id | Ids,
    out: str | Path,
    n: int = 100,
    *,
    memory: str | int = "2GB",
    n_jobs: int = 1,
    missing: str = "skip",
    twins: str = LEAVE_OUT,
    columns: Mapping[str, str | None] | None = None,
    event_weights: Mapping[Any, float] | None = None,
    policy: CleaningPolicy | None = None,
    restart: bool = False,
    progress: bool = False,
    reading: ReadingOptions | None = None,
    stamp: bool = False,
) -> Manifest:
    """Find, among all users in a table of events, the users most likely to want some items.

    Memory is bounded and a stopped run can be resumed, as in :func:`tastebridge.batch.recommend_all`, which
    documents the other parameters. :meth:`tastebridge.InterestMapper.audience` explains how users are
    compared.

    Parameters
    ----------
    items : id or list of ids
        Items of the target.
    out : path
        A file to write, ending in ``.parquet`` or ``.csv``: item_id, user_id, score, rank. Its rows are the
        same as from :meth:`~tastebridge.InterestMapper.audience_from` for all events at once.
    n : int, default=100
        Maximum number of users per item.
    twins : {"leave out", "keep"}, default="leave out"
        As for :meth:`~tastebridge.InterestMapper.audience`.
    stamp : bool, default=False
        As for :func:`~tastebridge.batch.recommend_all`.

    Returns
    -------
    Manifest
        Counts and checksums of the parts from which the file was made.

    Raises
    ------
    OutputError, InvalidDataError, InvalidParameterError, UnknownIdError
        As :func:`~tastebridge.batch.recommend_all`; also if an item is unknown or named twice.

    Examples
    --------
    >>> import tempfile
    >>> import tastebridge as tb
    >>> from tastebridge.batch import audience_all
    >>> from tastebridge.datasets import make_panel
    >>> panel, _ = make_panel(n_users=200, n_items=40)
    >>> model = tb.TargetOnly("films").fit(panel)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     panel.to_frame().to_parquet(f"{folder}/events.parquet")
    ...     done = audience_all(model, f"{folder}/events.parquet", "films:03", f"{folder}/out.parquet", n=5)
    >>> done.account.people
    200
    """
    n_jobs, bound = check_count("n_jobs", n_jobs), parse_memory(memory)
    check_choice("missing", missing, ("skip", "error"))
    destination = Destination.of(out)
    if not destination.is_file:
        raise InvalidParameterError(f"an audience is one file, .parquet or .csv; got {str(out)!r}.")
    recommender = model if isinstance(model, Recommender) else load(model)
    options: dict[str, Any] = {"missing": missing, "event_weights": event_weights, "policy": policy}
    kernel = AudienceKernel(recommender, items, n, twins=twins, **options)
    source = open_source(events, columns, kernel, bound, reading)
    job = Job.of("audience", kernel, source, n=n, items=kernel.item_ids.tolist(), twins=twins)
    mark = Stamp.now(job.values["model"]).tables if stamp else iter

    def combine(parts: Iterator[pa.Table]) -> Iterator[pa.Table]:
        return mark(kernel.combine(parts))

    return Driver(kernel, source, destination, job, bound, n_jobs, progress, None, combine).run(restart)
