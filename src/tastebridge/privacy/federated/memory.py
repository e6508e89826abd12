"""The memory of a party of sums: which sessions are used, and to which groups exact moments went.

Memory is kept for as long as the process lives, under tags of the keys. So a new object for the same party
remembers the sums of the last one. With a ledger file the memory outlives the process.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from tastebridge.privacy.keys import Key
from tastebridge.privacy.ledger import Ledger, open_ledger

Group = tuple[str, ...]
"""The names of the members of a sum, sorted."""

# One record for all parties of the process: a new Member of the same name and key must find it.
_LOCK = Lock()
_RECORDS: list[dict[str, Any]] = []


class Memory:
    """The memory of one party.

    Parameters
    ----------
    name : str
        The party.
    keys : mapping of name to Key
        Shared with the other members. Sums under any of them are remembered.
    path : str or Path, optional
        A ledger file of this party; None for the memory of this process alone.
    """

    def __init__(self, name: str, keys: Mapping[str, Key], path: str | Path | None) -> None:
        # Tags are derived, so a ledger gives no key away. They depend on both names, so two parties of one
        # process that share a key have memories of their own.
        self._tags = {
            key.derive(f"secure aggregation memory/{name}/{other}").hex()[:32] for other, key in keys.items()
        }
        self._path = path

    @contextmanager
    def open(self) -> Iterator[Entries]:
        """Return the entries, which no other thread or process can change meanwhile."""
        with _LOCK:
            if self._path is None:
                yield Entries(self._tags, None)
            else:
                with open_ledger(self._path, create=True) as ledger:
                    yield Entries(self._tags, ledger)


class Entries:
    """The entries of a memory that is open."""

    def __init__(self, tags: set[str], ledger: Ledger | None) -> None:
        self._tags, self._ledger = tags, ledger
        records = [*_RECORDS, *(ledger.records if ledger else [])]
        self._mine = [record for record in records if tags & set(record.get("tags", ()))]

    @property
    def sessions(self) -> set[str]:
        """The sessions in which masked moments were sent."""
        return {record["session"] for record in self._mine if "session" in record}

    @property
    def groups(self) -> set[Group]:
        """The groups whose sums this party helped to make exactly."""
        return {tuple(record["group"]) for record in self._mine if "group" in record}

    def enter(self, session: str | None, group: Group | None) -> None:
        """Enter a session, and a group to whose sum exact moments are sent now."""
        given = {"session": session, "group": None if group is None else list(group)}
        record = {"tags": sorted(self._tags), **{key: value for key, value in given.items() if value}}
        if self._ledger is not None:
            self._ledger.append(record)
        _RECORDS.append(record)
