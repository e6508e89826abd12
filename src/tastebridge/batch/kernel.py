"""The kernel: turns an Arrow record batch of histories into one of recommendations and keeps no state."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from tastebridge._foundation.validation import check_choice, check_count, check_fitted
from tastebridge.batch.account import Account
from tastebridge.batch.filtering import PersonalFilters
from tastebridge.batch.schema import id_type, unnest
from tastebridge.data import CleaningPolicy, Panel
from tastebridge.data.history_encoder import unknown_events
from tastebridge.data.pipeline import clean
from tastebridge.data.time_evidence import TimeReading
from tastebridge.data.types import ItemFilter
from tastebridge.exceptions import InvalidParameterError, UnknownIdError
from tastebridge.model.chunks import CHUNK, chunks
from tastebridge.model.list_rules import ListRules
from tastebridge.recommenders import Recommender
from tastebridge.recommenders.answers import closed, lists_of
from tastebridge.routes import Histories
from tastebridge.routes.twins import LEAVE_OUT, TWINS

_OWN = ("missing", "event_weights", "policy", "chunk", "times")
"""Options of every kernel."""


class Answer(NamedTuple):
    """The rows that answer a batch, and its counts."""

    rows: pa.RecordBatch
    account: Account


class HistoryKernel(metaclass=ABCMeta):
    """Base of the kernels: reads a batch of histories as weighted rows of the model.

    Parameters
    ----------
    recommender : Recommender
        Fitted or loaded; the users of its fit are not used.
    missing : {"skip", "error"}
        Whether events of unknown items are skipped or an error.
    event_weights : mapping, optional
        As for :meth:`tastebridge.Panel.from_frame`; by default the weights of the recommender.
    policy : CleaningPolicy, optional
        Treatment of bad rows; by default the policy of the recommender, by which ``recommend_from`` reads
        frames. ``min_item_events`` must be 1: a batch does not hold all users of an item.
    chunk : int
        Number of users whose vectors are held at once; changes memory, never the answer.
    times : TimeReading, optional
        The reading of the times of the whole table that the batches come from; by default each batch decides
        by its own rows, as a frame does.
    """

    def __init__(
        self,
        recommender: Recommender,
        *,
        missing: str = "skip",
        event_weights: Mapping[Any, float] | None = None,
        policy: CleaningPolicy | None = None,
        chunk: int = CHUNK,
        times: TimeReading | None = None,
    ) -> None:
        self.recommender = recommender
        self.missing = check_choice("missing", missing, ("skip", "error"))
        self.event_weights = recommender.event_weights if event_weights is None else event_weights
        self.policy = recommender.policy if policy is None else policy
        self.chunk = check_count("chunk", chunk)
        self.times = times
        check_fitted(recommender, "targets_")
        if recommender.joint_ is not None:
            raise InvalidParameterError(
                f"a batch is scored in one category, and this {type(recommender).__name__} recommends in "
                f"{', '.join(map(repr, recommender.targets_))}. Pass the mapper of one category, such as "
                f"mappers_[{next(iter(recommender.targets_))!r}]."
            )
        self.state = next(iter(recommender.targets_.values()))
        if self.policy.min_item_events != 1:
            raise InvalidParameterError(
                f"CleaningPolicy(min_item_events={self.policy.min_item_events}) needs all users of an "
                "item, but a batch holds only some of them. Use min_item_events=1."
            )

    def __call__(self, histories: pa.RecordBatch) -> Answer:
        """Return the answer to a batch of histories (see :func:`tastebridge.batch.nest`), users ascending.

        Raises
        ------
        InvalidDataError
            If the batch is not of histories, or its rows cannot be read.
        UnknownIdError
            With ``missing="error"``, if an item is not known.
        """
        read = Read.of(self, unnest(histories))
        columns, counts = self._answer(read)
        schema = self.schema(histories.schema.field("user_id").type)
        rows = pa.record_batch([columns[name] for name in schema.names], schema=schema)
        account = Account.of(read.panel.cleaning, people=len(read.panel), rows=len(rows), **counts)
        return Answer(rows, account + Account(unknown=read.unknown))

    def map(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the answers to batches without their counts, as Spark's mapInArrow expects."""
        for batch in batches:
            yield self(batch).rows

    @property
    @abstractmethod
    def answer_bytes(self) -> int:
        """The approximate bytes of the answer to one user in memory."""

    @abstractmethod
    def schema(self, user_type: pa.DataType) -> pa.Schema:
        """Return the columns of the answer for user ids of this type."""

    @abstractmethod
    def _answer(self, read: Read) -> tuple[dict[str, pa.Array], dict[str, int]]:
        """Return the columns of the answer, and its counts."""


class Read(NamedTuple):
    """A batch of histories, cleaned and weighted for a model."""

    panel: Panel
    histories: Histories
    unknown: dict[str, int]

    @classmethod
    def of(cls, kernel: HistoryKernel, events: pa.Table) -> Read:
        """Clean events and weight them over the items of the model."""
        # part: a batch may come out empty, and its losses are counted, not warned of one by one
        users, parts, report = clean(
            events, None, kernel.event_weights, kernel.policy, part=True, times=kernel.times
        )
        panel = Panel(users, {part.category: part for part in parts}, report)
        encoder = kernel.state.encoder
        histories = encoder.rows(panel)
        unknown = encoder.unknown(panel, histories)
        if unknown and kernel.missing == "error":
            raise UnknownIdError(f"{unknown_events(unknown)}. Leave them out, or pass missing='skip'.")
        return cls(panel, histories, unknown)


class RecommendationKernel(HistoryKernel):
    """The ``n`` best items for every user in a batch of histories: user_id, item_id, score, rank.

    The rows equal :meth:`tastebridge.InterestMapper.recommend_from` for the same histories, bit for bit,
    however users are split into batches.

    Parameters
    ----------
    recommender : Recommender
    n : int, default=10
        Maximum number of items per user.
    allow, deny : list of item ids, or frame of user_id and item_id, optional
        As for :meth:`~tastebridge.InterestMapper.recommend_from`.
    twins : {"leave out", "keep"}, default="leave out"
        As for :meth:`~tastebridge.InterestMapper.recommend`.
    **options
        List options as for :meth:`~tastebridge.InterestMapper.recommend_from`, and as for
        :class:`HistoryKernel`.

    Examples
    --------
    >>> import tastebridge as tb
    >>> from tastebridge.batch import RecommendationKernel, nest
    >>> from tastebridge.datasets import make_panel
    >>> panel, _ = make_panel(n_users=200, n_items=40)
    >>> kernel = RecommendationKernel(tb.Popularity("films").fit(panel), n=2)
    >>> fresh = {"user_id": ["ada"], "item_id": ["books:03"], "category": ["books"]}
    >>> rows, account = kernel(nest(pa.table(fresh)))
    >>> rows["rank"].to_pylist(), account.people
    ([1, 2], 1)
    """

    def __init__(
        self,
        recommender: Recommender,
        n: int = 10,
        *,
        allow: ItemFilter | None = None,
        deny: ItemFilter | None = None,
        twins: str = LEAVE_OUT,
        **options: Any,  # noqa: ANN401
    ) -> None:
        # all others are options of lists, which refuse a name they do not know
        lists = {name: options.pop(name) for name in list(options) if name not in _OWN}
        super().__init__(recommender, **options)
        self.n, self.twins = check_count("n", n), check_choice("twins", twins, TWINS)
        # labels are read once, and not with every batch
        self.find = lists_of(self.state, ListRules.of(lists))
        self.filters = PersonalFilters.of(allow, deny, self.state.items)

    @property
    def answer_bytes(self) -> int:
        """The bytes of ``n`` rows and of the arrays they are built from."""
        return 64 * self.n

    def schema(self, user_type: pa.DataType) -> pa.Schema:
        """Return user_id, item_id, score (float), rank (int64)."""
        items = self.state.items
        return pa.schema(
            [
                ("user_id", id_type(user_type)),
                ("item_id", pa.int64() if items.kind == "int" else pa.string()),
                ("score", pa.float32()),
                ("rank", pa.int64()),
            ]
        )

    def _answer(self, read: Read) -> tuple[dict[str, pa.Array], dict[str, int]]:
        ids, items = read.panel.users.ids, self.state.items
        filters, width = self.filters.for_users(read.panel.users), min(self.n, len(items))
        # -1 marks places of lists that end early
        best = np.full((len(ids), width), -1, dtype=np.int32)
        scores = np.full((len(ids), width), -np.inf, dtype=np.float32)
        for rows, part in chunks(read.histories, len(ids), self.chunk):
            best[rows], scores[rows] = self.find(
                part, width, closed(self.state, part, filters.of(rows), self.twins), ids[rows]
            )
        given = best >= 0
        counts = given.sum(axis=1)
        columns = {
            "user_id": ids_at(ids, np.repeat(np.arange(len(ids)), counts)),
            "item_id": ids_at(items.ids, best[given]),
            "score": pa.array(scores[given]),
            "rank": pa.array(np.nonzero(given)[1] + 1, pa.int64()),
        }
        return columns, {"served": int((counts > 0).sum()), "short": int((counts < self.n).sum())}


def ids_at(ids: np.ndarray, places: np.ndarray) -> pa.Array:
    """Return the ids at some places."""
    kind = pa.int64() if ids.dtype == np.int64 else pa.string()
    return pa.array(ids, kind).take(pa.array(places))
