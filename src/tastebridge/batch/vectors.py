"""Vectors of items and users in files, ready for a vector store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tastebridge._foundation.validation import check_choice, check_count, check_path
from tastebridge._foundation.warnings import warn
from tastebridge.batch.account import Account
from tastebridge.batch.chosen_users import ChosenUsers
from tastebridge.batch.destination import Destination
from tastebridge.batch.driver import Driver
from tastebridge.batch.files import disk
from tastebridge.batch.inputs import refuse_inputs
from tastebridge.batch.job import Job, fingerprint_of_list
from tastebridge.batch.joining import put
from tastebridge.batch.kernel import HistoryKernel, Read, ids_at
from tastebridge.batch.memory import parse_memory
from tastebridge.batch.recommending import open_source
from tastebridge.batch.schema import id_type
from tastebridge.batch.source import Source
from tastebridge.batch.stamping import Stamp
from tastebridge.batch.vector_files import refuse_others
from tastebridge.data import CleaningPolicy, ReadingOptions
from tastebridge.data.types import Ids
from tastebridge.exceptions import InvalidParameterError, OutputError
from tastebridge.loading import load
from tastebridge.model.chunks import chunks
from tastebridge.persist import fingerprint
from tastebridge.recommenders import Recommender

_EVENTS = 50_000
"""Events in a part; fewer than for recommendations, because a vector is wide."""


class VectorKernel(HistoryKernel):
    """The vectors of the users of a batch: user_id, vector (a fixed-size list of float).

    They equal :meth:`tastebridge.InterestMapper.user_vectors`, bit by bit.

    Parameters
    ----------
    recommender : Recommender
        A recommender with vectors.
    **options
        As for :class:`tastebridge.batch.RecommendationKernel`.

    Examples
    --------
    >>> import tastebridge as tb
    >>> from tastebridge.batch import VectorKernel, nest
    >>> from tastebridge.datasets import make_panel
    >>> panel, _ = make_panel(n_users=200, n_items=40)
    >>> kernel = VectorKernel(tb.TargetOnly("films").fit(panel))
    >>> fresh = {"user_id": ["ada"], "item_id": ["films:05"], "category": ["films"]}
    >>> rows = kernel(nest(pa.table(fresh))).rows
    >>> len(rows["vector"][0]) == kernel.width
    True
    """

    def __init__(self, recommender: Recommender, **options: Any) -> None:  # noqa: ANN401
        super().__init__(recommender, **options)
        self.width = recommender.item_vectors().vectors.shape[1]

    @property
    def answer_bytes(self) -> int:
        """The bytes of a vector, with room for three copies."""
        return 12 * self.width

    def schema(self, user_type: pa.DataType) -> pa.Schema:
        """Return user_id and vector."""
        return pa.schema([("user_id", id_type(user_type)), ("vector", pa.list_(pa.float32(), self.width))])

    def _answer(self, read: Read) -> tuple[dict[str, pa.Array], dict[str, int]]:
        users = read.panel.users.ids
        vectors = np.empty((len(users), self.width), dtype=np.float32)
        for rows, part in chunks(read.histories, len(users), self.chunk):
            vectors[rows] = self.state.scorer.model.user_vectors(part)
        columns = {"user_id": ids_at(users, np.arange(len(users))), "vector": _lists(vectors)}
        return columns, {"served": len(users)}


def write_vectors(
    model: str | Path | Recommender,
    out: str | Path,
    events: str | Path | None = None,
    *,
    format: str = "parquet",
    memory: str | int = "2GB",
    n_jobs: int = 1,
    missing: str = "skip",
    columns: Mapping[str, str | None] | None = None,
    event_weights: Mapping[Any, float] | None = None,
    policy: CleaningPolicy | None = None,
    restart: bool = False,
    progress: bool = False,
    reading: ReadingOptions | None = None,
    users: Ids | None = None,
    stamp: bool = False,
) -> Account | None:
    """Write the vectors of the target's items and, given events, of the users in them.

    The score of a user and an item is the inner product of their vectors, so any vector store that searches
    by inner product can serve recommendations. Memory is bounded and a stopped run can be resumed, as in
    :func:`tastebridge.batch.recommend_all`, which documents the other parameters.

    Parameters
    ----------
    model : path or Recommender
        A model with vectors: not :class:`tastebridge.ItemNeighbours`.
    out : path
        A folder for ``items.parquet`` with the columns item_id and vector, and ``users.parquet`` with
        user_id and vector, users ascending.
    events : path, optional
        Histories of users.
    format : {"parquet", "npy"}, default="parquet"
        With ``"npy"`` the files are ``items.npy`` and ``users.npy``, float32 matrices, with the ids in
        ``items.ids.parquet`` and ``users.ids.parquet``, in the same order.
    users : list of ids, optional
        The users whose vectors are written; all users of the table of events by default.
    stamp : bool, default=False
        Whether to add the columns ``model`` and ``made_at`` to both tables (with ``"npy"``, to the tables of
        ids), as in :func:`~tastebridge.batch.recommend_all`.

    Returns
    -------
    Account or None
        The counts of events and users; None without events.

    Raises
    ------
    OutputError, InvalidDataError, InvalidParameterError, UnknownIdError
        As :func:`~tastebridge.batch.recommend_all`; also if the model has no vectors.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import tastebridge as tb
    >>> from tastebridge.batch import write_vectors
    >>> from tastebridge.datasets import make_panel
    >>> panel, _ = make_panel(n_users=200, n_items=40)
    >>> model = tb.TargetOnly("films").fit(panel)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_vectors(model, folder, format="npy")
    ...     np.array_equal(np.load(f"{folder}/items.npy"), model.item_vectors().vectors)
    True
    """
    check_choice("format", format, ("parquet", "npy"))
    check_choice("missing", missing, ("skip", "error"))
    if users is not None and events is None:
        raise InvalidParameterError("users= chooses among the users of events, and there are no events.")
    n_jobs, bound, folder = check_count("n_jobs", n_jobs), parse_memory(memory), check_path("out", out)
    recommender = model if isinstance(model, Recommender) else load(model)
    kernel = VectorKernel(recommender, missing=missing, event_weights=event_weights, policy=policy)
    inputs = {"model": None if isinstance(model, Recommender) else model, "events": events}
    items, people = _files(folder, format, inputs)
    rows = _item_rows(recommender)
    mark = Stamp.now(fingerprint(recommender)).tables if stamp else iter
    if events is None:
        _warn_of_old(people)
        put(mark(iter([rows])), items, len(rows))
        return None
    destination = Destination.of(people, (f".{format}",))
    source = open_source(events, columns, kernel, bound, reading)
    chosen, more = _chosen(users, source)
    job = Job.of("vectors", kernel, source, **more)

    def finish(parts: Iterator[pa.Table]) -> Iterator[pa.Table]:
        return mark(_without_old(items, parts))

    driver = Driver(kernel, source, destination, job, bound, n_jobs, progress, _EVENTS, finish, chosen)
    account = driver.run(restart).account
    put(mark(iter([rows])), items, len(rows))
    return account


def _warn_of_old(users: Path) -> None:
    """Warn of users of an earlier run, which stay."""
    if users.exists():
        warn(f"{str(users)!r} is from an earlier run; write it again if the model has changed.")


def _item_rows(recommender: Recommender) -> pa.Table:
    """Return the table of the items and their vectors."""
    ids, vectors = recommender.item_vectors()
    return pa.table({"item_id": ids_at(ids, np.arange(len(ids))), "vector": _lists(vectors)})


def _without_old(items: Path, parts: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Remove the items of an earlier run, and yield the parts."""
    # users are written before items: after a kill in between, items of another model must not be there
    items.unlink(missing_ok=True)
    yield from parts


def _chosen(users: Ids | None, source: Source) -> tuple[ChosenUsers | None, dict[str, str | None]]:
    """Return the users a job is restricted to, and their parameters of the job."""
    if users is None:
        # no key at all: jobs without a choice stay those that earlier versions began
        return None, {}
    return ChosenUsers.of(users, source.schema), {"users": fingerprint_of_list(users)}


def _files(folder: Path, format: str, inputs: Mapping[str, str | Path | None]) -> tuple[Path, Path]:
    """Make the folder and return the files of items and of users, unless they would replace others."""
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{str(folder)!r} is a file, and vectors go to a folder. Choose another path.")
    items, users = (folder / f"{name}.{format}" for name in ("items", "users"))
    given = {name: None if path is None else Path(path) for name, path in inputs.items()}
    for path, column in {items: "item_id", users: "user_id"}.items():
        refuse_inputs(path, **given)
        refuse_others(path, column)
    with disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return items, users


def _lists(vectors: np.ndarray) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
