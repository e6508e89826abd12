"""The parameters of a batch, kept with its results, so that a resumed run cannot mix different ones."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import narwhals as nw

from tastebridge.batch.kernel import HistoryKernel
from tastebridge.batch.source import Source
from tastebridge.batch.stamping import TIME, Stamp
from tastebridge.data.coding import encode
from tastebridge.data.types import ItemFilter
from tastebridge.exceptions import OutputError
from tastebridge.model.list_rules import ListOptions, ListRules
from tastebridge.persist import fingerprint

_NAMES = {
    "model": "the model",
    "events": "the events",
    "allow": "the allow list",
    "deny": "the deny list",
    "users": "the list of users",
    TIME: "the stamp",
}


@dataclass(frozen=True)
class Job:
    """The parameters of a batch as plain values, with fingerprints for the model, events and lists."""

    values: dict[str, Any]

    @classmethod
    def of(cls, task: str, kernel: HistoryKernel, source: Source, **more: Any) -> Job:  # noqa: ANN401 - JSON
        """Return the job of a kernel over a source; ``more`` are the parameters of the task."""
        weights = kernel.event_weights
        return cls(
            {
                "task": task,
                "model": fingerprint(kernel.recommender),
                "events": source.fingerprint(),
                "columns": dict(source.roles),
                "event_weights": None
                if weights is None
                else [[str(key), float(w)] for key, w in weights.items()],
                "policy": asdict(kernel.policy),
                **more,
                "missing": kernel.missing,
                "target": kernel.state.target,
            }
        )

    @property
    def stamp(self) -> Stamp | None:
        """The stamp on the rows of all parts, if they have one."""
        at = self.values.get(TIME)
        return None if at is None else Stamp(self.values["model"], datetime.fromisoformat(at))

    def stamped(self, stamp: Stamp) -> Job:
        """Return the job with a stamp on the rows of its parts."""
        return Job({**self.values, TIME: stamp.made_at.isoformat()})

    def as_begun(self, other: object) -> Job:
        """Return the job with the time of an earlier run's stamp: all parts of a result have one stamp."""
        if isinstance(other, dict) and other.get(TIME) and self.stamp is not None:
            return Job({**self.values, TIME: other[TIME]})
        return self

    def check_same(self, other: object, place: str) -> None:
        """Refuse to resume a run that was begun with other parameters.

        Raises
        ------
        OutputError
            If the jobs differ; the message lists the differences.
        """
        begun = other if isinstance(other, dict) else {}
        changes = [
            f"{_NAMES[name]} changed"
            if name in _NAMES
            else f"{name} was {begun.get(name)!r} and is {self.values.get(name)!r}"
            for name in sorted({*begun, *self.values})  # a later version can have parameters the other lacks
            if begun.get(name) != self.values.get(name)
        ]
        if changes:
            raise OutputError(
                f"{place!r} was started by another run: {'; '.join(changes)}. Use the same parameters, "
                "choose another output, or start again with restart=True, which removes the files there."
            )


def job_of_lists(options: ListOptions) -> dict[str, Any]:
    """Return the list options of a job as plain values; empty if they change no list."""
    rules = ListRules.of(options)
    if rules is None:
        return {}
    values = asdict(replace(rules, new_items=None, caps=()))
    caps = [list(cap) for cap in rules.caps]
    return {"lists": {**values, "caps": caps, "new_items": fingerprint_of_list(rules.new_items)}}


def fingerprint_of_list(given: ItemFilter | None) -> str | None:
    """Return a SHA-256 of a list of item ids, or of a frame of user_id and item_id; None for None."""
    if given is None:
        return None
    frame = nw.from_native(given, eager_only=True, pass_through=True)
    columns = [frame[name] for name in ("user_id", "item_id")] if isinstance(frame, nw.DataFrame) else [given]
    whole = hashlib.sha256()
    for column in columns:
        coded = encode(column, "item_id")
        whole.update(repr(coded.ids.tolist()).encode())  # repr tells the id 1 from the id "1"
        whole.update(coded.codes.tobytes())
    return whole.hexdigest()
