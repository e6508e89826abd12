"""Recommendations for millions of users, from files to files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Unpack

from tastebridge._foundation.validation import check_choice, check_count, check_path
from tastebridge.batch.chosen_users import ChosenUsers
from tastebridge.batch.destination import Combine, Destination
from tastebridge.batch.driver import Driver, warn_of_short_lists
from tastebridge.batch.id_kinds import kinds_of
from tastebridge.batch.job import Job, fingerprint_of_list, job_of_lists
from tastebridge.batch.kernel import HistoryKernel, RecommendationKernel
from tastebridge.batch.manifest import Manifest
from tastebridge.batch.memory import parse_memory, shown
from tastebridge.batch.source import Source
from tastebridge.batch.stamping import Stamp
from tastebridge.data import CleaningPolicy, ReadingOptions
from tastebridge.data.files.places import PACKED, STANDARD_INPUT, parquet_files, places_of
from tastebridge.data.files.uris import look_up, uri_of
from tastebridge.data.types import Ids, ItemFilter
from tastebridge.exceptions import InvalidParameterError
from tastebridge.loading import load
from tastebridge.model.list_rules import ListOptions
from tastebridge.recommenders import Recommender
from tastebridge.routes.twins import LEAVE_OUT

_TEXT, _PACKED = 3, 5
"""Memory of a text while it is read, over its size; size of a compressed text, over its compressed size."""


def recommend_all(
    model: str | Path | Recommender,
    events: str | Path,
    out: str | Path,
    n: int = 20,
    *,
    memory: str | int = "2GB",
    n_jobs: int = 1,
    allow: ItemFilter | None = None,
    deny: ItemFilter | None = None,
    missing: str = "skip",
    twins: str = LEAVE_OUT,
    columns: Mapping[str, str | None] | None = None,
    event_weights: Mapping[Any, float] | None = None,
    policy: CleaningPolicy | None = None,
    restart: bool = False,
    progress: bool = False,
    reading: ReadingOptions | None = None,
    users: Ids | None = None,
    stamp: bool = False,
    **lists: Unpack[ListOptions],
) -> Manifest:
    """Recommend to all users in a table of events, in bounded memory; a stopped run can be resumed.

    The events are split into partitions (ranges of user ids) on the disk of the output. Then each partition
    is read, folded in, scored and written. Files are written atomically. If a run is killed, the same call
    resumes with the unfinished partitions. The result equals an uninterrupted run, byte for byte, for any
    ``memory`` and ``n_jobs``.

    Parameters
    ----------
    model : path or Recommender
        A saved or fitted model; the users of its fit are not used.
    events : path
        As for :func:`tastebridge.read_panel`: ``.parquet`` or a folder of such files, read in pieces; or a
        text file, which is read as a whole.
    out : path
        A name ending in ``.parquet`` or ``.csv`` for one file; otherwise a folder of ``part-00000.parquet``
        and so on, with ``_manifest.json``. Together, the parts equal the rows of
        :meth:`~tastebridge.InterestMapper.recommend_from` for all events at once: users ascending, and the
        same scores, bit for bit.
    n : int, default=20
        Maximum number of items per user.
    memory : str or int, default="2GB"
        The memory limit of the process: ``"500MB"``, ``"1.5GiB"``, or bytes. Before the events are read, the
        limit is checked for partitions of the usual size, and again when the largest partition is known.
        Parquet pages are decoded whole. They usually have about 1 MB; a single page as large as the limit
        would exceed it. Loading a model temporarily needs the size of its files in addition, which the limit
        does not cover.
    n_jobs : int, default=1
        Partitions processed in parallel, each by one thread with one BLAS thread; fewer if memory is short.
    allow, deny, missing, twins
        As for :meth:`~tastebridge.InterestMapper.recommend_from`.
    columns, event_weights, policy
        As for :meth:`tastebridge.Panel.from_frame`. The default policy is the policy of the model, as in
        ``recommend_from``. ``policy.min_item_events`` must be 1.
    restart : bool, default=False
        Whether to remove the files of an earlier run at ``out`` and start again.
    progress : bool, default=False
        Whether to show progress, speed and remaining time.
    reading : ReadingOptions, optional
        The layout of the files of events. Ids made of digits in text files get the kind of the model's ids.
    users : list of ids, optional
        The users to recommend to; all users of the table by default. An id such as 7 and the text ``"7"``
        match.
    stamp : bool, default=False
        Whether to add the columns ``model``, the fingerprint of the model, and ``made_at``, the time of this
        call in UTC; in a folder of parts, the time of the call that started it.
    **lists
        Diversity, caps, calibration, exploration and new items, as for
        :meth:`~tastebridge.InterestMapper.recommend_from`.

    Returns
    -------
    Manifest
        Counts, parts and checksums, as in ``_manifest.json``.

    Raises
    ------
    OutputError
        If the disk is full, other files are at ``out``, or another job was started there.
    InvalidDataError
        If events cannot be read. The message names the file, and finished parts are kept.
    InvalidParameterError
        If a parameter is out of range, or the memory limit is too low.
    UnknownIdError
        With ``missing="error"``, if an item is unknown.

    Examples
    --------
    >>> import tempfile
    >>> import tastebridge as tb
    >>> from tastebridge.batch import recommend_all
    >>> from tastebridge.datasets import make_panel
    >>> panel, _ = make_panel(n_users=200, n_items=40)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     panel.to_frame().to_parquet(f"{folder}/events.parquet")
    ...     manifest = recommend_all(
    ...         tb.Popularity("films").fit(panel), f"{folder}/events.parquet", f"{folder}/out", n=3
    ...     )
    >>> manifest.account.people, manifest.account.rows
    (200, 600)
    """
    n, n_jobs = check_count("n", n), check_count("n_jobs", n_jobs)
    check_choice("missing", missing, ("skip", "error"))
    bound, destination = parse_memory(memory), Destination.of(out)
    recommender = model if isinstance(model, Recommender) else load(model)
    options: dict[str, Any] = {"missing": missing, "event_weights": event_weights, "policy": policy}
    options |= {"allow": allow, "deny": deny, "twins": twins, **lists}
    kernel = RecommendationKernel(recommender, n, **options)
    source = open_source(events, columns, kernel, bound, reading)
    given = {"allow": fingerprint_of_list(allow), "deny": fingerprint_of_list(deny), **job_of_lists(lists)}
    chosen = None
    if users is not None:
        chosen, given["users"] = ChosenUsers.of(users, source.schema), fingerprint_of_list(users)
    job = Job.of("recommend", kernel, source, n=n, twins=twins, **given)
    combine: Combine = iter
    if stamp:
        mark = Stamp.now(job.values["model"])
        # of a folder, every part is stamped when it is written; of a file, all of them when they are joined
        job, combine = (job, mark.tables) if destination.is_file else (job.stamped(mark), iter)
    driver = Driver(kernel, source, destination, job, bound, n_jobs, progress, None, combine, chosen)
    manifest = driver.run(restart)
    warn_of_short_lists(manifest.account, n)
    return manifest


def open_source(
    events: str | Path,
    columns: Mapping[str, str | None] | None,
    kernel: HistoryKernel,
    bound: int,
    reading: ReadingOptions | None = None,
) -> Source:
    """Return the events as a source; the column of event types is read only if they have weights.

    A text file is read as a whole, so one that exceeds the memory is refused. Ids made of digits in it get
    the kind of the model's ids.
    """
    path, given = check_path("events", events), dict(columns or {})
    options = (reading or ReadingOptions()).with_kinds(kinds_of(kernel.recommender))
    size = _read_whole(path, options)
    if size * _TEXT > bound:
        raise InvalidParameterError(
            f"{str(path)!r} is about {shown(size)} of text, which is read whole and does not fit into "
            f"memory={shown(bound)}. Give it as Parquet, which is read in pieces, or give more "
            "memory."
        )
    if kernel.event_weights is None:
        given.setdefault("event", None)
    return Source.open(events, given, options, kernel.policy.settled(kernel.event_weights))


def _read_whole(path: Path, options: ReadingOptions) -> int:
    """Return the approximate bytes of text in all files of a table; 0 if it is read in pieces."""
    if str(path) == STANDARD_INPUT:
        return 0
    if (address := uri_of(path)) is not None:
        in_packed, in_plain = look_up(address).text_size
        return in_packed * _PACKED + in_plain
    parts = parquet_files(path)
    if parts is not None and options.plain:
        return 0
    files = {Path(part) for part in parts[1]} if parts else {place.path for place in places_of(path)}
    packed = (*PACKED, ".parquet")
    return sum(
        file.stat().st_size * (_PACKED if file.suffix in packed else 1) for file in files if file.is_file()
    )
