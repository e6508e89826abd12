"""A fitted recommender to a folder."""

from __future__ import annotations

import io
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import SafetensorError
from safetensors.numpy import save as save_bytes
from safetensors.numpy import save_file

from tastebridge._foundation.log import LOGGER
from tastebridge._foundation.version import __version__
from tastebridge.data import Panel
from tastebridge.exceptions import InvalidDataError, InvalidParameterError, ModelFileError
from tastebridge.model import LinearModel
from tastebridge.model.similarity import ItemSimilarity
from tastebridge.online.state import ONE_OF_SEVERAL
from tastebridge.online.statistics import ModelStatistics
from tastebridge.persist.arrays import Arrays
from tastebridge.persist.card import card_of
from tastebridge.persist.encrypted_store import Records, Vault, outer_manifest
from tastebridge.persist.folder import check_free, held, publish, scratch
from tastebridge.persist.ids import write_ids
from tastebridge.persist.interests import describe_interests
from tastebridge.persist.linear import describe_model
from tastebridge.persist.manifest import CARD, FORMAT, MANIFEST, PACKAGE, describe_file, render
from tastebridge.persist.multi_target import describe_targets
from tastebridge.persist.panel import describe_panel
from tastebridge.persist.parameters import to_json, to_write
from tastebridge.persist.saved import Saved
from tastebridge.persist.similarity import describe_similarity
from tastebridge.persist.statistics import describe_statistics
from tastebridge.privacy.keys import Key
from tastebridge.privacy.pseudonyms import pseudonymize

_LONGEST_NAME = 1000


class SaveOptions(NamedTuple):
    """The choices of a save, as :meth:`tastebridge.recommenders.Recommender.save` documents them."""

    with_users: bool = False
    key: Key | bytes | None = None
    pseudonyms: Key | bytes | None = None
    updatable: bool = False
    name: str | None = None


def save(parts: Saved, path: str | Path, options: SaveOptions) -> None:
    """Write a fitted recommender; see :meth:`tastebridge.recommenders.Recommender.save`."""
    with_users, key, pseudonyms, updatable, name = options
    single = parts.single
    if updatable and (single is None or single.statistics is None):
        why = ONE_OF_SEVERAL if single is None else single.no_statistics
        raise InvalidDataError(f"this {parts.kind} cannot be saved updatable=True: {why}")
    if with_users and parts.panel is None:
        raise InvalidDataError(
            f"this {parts.kind} was loaded without users, so they cannot be saved. Save it without "
            "with_users, or fit it again."
        )
    if pseudonyms is not None:
        parts = _renamed(parts, with_users, pseudonyms)
    statistics = single.statistics if single is not None and (updatable or with_users) else None
    if name is not None and not (isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME):
        raise InvalidParameterError(
            f"name must be a text of 1 to {_LONGEST_NAME} characters; got {name!r:.80}."
        )
    vault = None if key is None else Vault.new(key)
    try:
        # once without the lock, to make no lock file next to a path that cannot be used
        path = check_free(path, inside=False)
        with held(path), scratch(check_free(path)) as folder:
            out = _Plain(folder) if vault is None else _Sealed(folder, vault)
            out.card(card_of(parts, with_users, statistics is not None))
            (folder / MANIFEST).write_text(
                render(out.manifest(_named(_write(out, parts, statistics, with_users), name))), "ascii"
            )
            publish(folder, path)
        LOGGER.info("saved the %s to %s", parts.kind, path)
    except (OSError, SafetensorError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ModelFileError(
            f"{str(path)!r} cannot be written: {why}. Files that were there before are unchanged. Make room, "
            "or choose another path, and save again."
        ) from None


def _named(content: dict[str, Any], name: str | None) -> dict[str, Any]:
    """Return the content of a manifest with the name of the model, if it has one."""
    return content if name is None else {**content, "name": name}


class _Output(Protocol):
    """The place where the files of a model are written."""

    def add(self, role: str, ending: str, write: Callable[[Any], object]) -> None: ...

    def card(self, text: str) -> None: ...

    def manifest(self, content: dict[str, Any]) -> dict[str, Any]: ...


class _Plain:
    """Files that are not encrypted, each named by its role and checksum."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._files = folder, Records()

    def add(self, role: str, ending: str, write: Callable[[Any], object]) -> None:
        """Write a file and note it for the manifest; ``write`` takes a path or an open file."""
        path = self._folder / role
        write(path)
        record = describe_file(path)
        # new files never have the name of other old ones, so both can lie in a folder while it is replaced
        record["file"] = f"{role}-{record['sha256'][:12]}{ending}"
        path.replace(path.with_name(record["file"]))
        self._files[role] = record

    def card(self, text: str) -> None:
        """Write the model card, whose name stays the same."""
        (self._folder / CARD).write_text(text, encoding="utf-8", newline="\n")
        self._files["card"] = describe_file(self._folder / CARD)

    def manifest(self, content: dict[str, Any]) -> dict[str, Any]:
        """Return the content of the manifest of the folder."""
        return {**content, "files": self._files}


class _Sealed:
    """Encrypted files; their plain text never touches the disk."""

    def __init__(self, folder: Path, vault: Vault) -> None:
        self._folder, self._vault, self._files = folder, vault, Records()

    def add(self, role: str, ending: str, write: Callable[[Any], object]) -> None:
        """Write a file sealed and note it for the manifest."""
        text = io.BytesIO()
        write(text)
        self._files[role] = self._vault.write(self._folder, text.getvalue())

    def card(self, text: str) -> None:
        """Write no card: it would reveal the sealed content."""

    def manifest(self, content: dict[str, Any]) -> dict[str, Any]:
        """Seal the manifest too, and return the plain one, which only lists the sealed files."""
        text = render({**content, "files": self._files}).encode("ascii")
        return outer_manifest(self._vault, self._vault.write(self._folder, text), self._files)


def _renamed(parts: Saved, with_users: bool, pseudonyms: Key | bytes) -> Saved:
    """Return the parts with users under pseudonyms."""
    if not with_users or parts.panel is None:
        raise InvalidParameterError(
            "pseudonyms= renames the users that are saved, but without with_users=True none are. Pass both, "
            "or neither."
        )
    return parts._replace(panel=pseudonymize(parts.panel, pseudonyms))


def _write(
    out: _Output, parts: Saved, statistics: ModelStatistics | None, with_users: bool
) -> dict[str, Any]:
    """Write all files except the manifest and return its content."""
    arrays, single, interests = Arrays(), parts.single, parts.shared.interests
    content = {
        "package": PACKAGE,
        "format": FORMAT,
        "version": __version__,
        "class": parts.kind,
        "parameters": {
            name: to_json(name, value) for name, value in to_write(parts.kind, parts.parameters).items()
        },
        "weighting": to_json("weighting", parts.encoder.weighting),
        "categories": _write_items(out, parts, arrays),
        "model": None if single is None else _describe(single.scorer.model, arrays),
        "tables": [_write_table(out, name, table) for name, table in parts.tables.items()],
        "interests": None if interests is None else describe_interests(interests, arrays),
        "people": None,
    }
    if parts.ratings is not None:
        content["ratings"] = describe_model(parts.ratings, arrays.under("ratings"))
    if statistics is not None:
        sums = Arrays()
        content["ledger"] = describe_statistics(statistics, sums)
        _write_arrays(out, "ledger", sums)
    if parts.joint is not None:
        write = partial(_write_table, out)
        content["several"] = describe_targets(parts.targets, parts.joint, arrays, write)
    if with_users and parts.panel is not None:
        content["people"] = _write_panel(out, parts.panel)
    _write_arrays(out, "arrays", arrays)
    return content


def _describe(model: LinearModel | ItemSimilarity, arrays: Arrays) -> dict[str, Any]:
    if isinstance(model, LinearModel):
        return describe_model(model, arrays)
    return describe_similarity(model, arrays)


def _write_items(out: _Output, parts: Saved, arrays: Arrays) -> list[dict[str, Any]]:
    """Write the items of every category and the statistics of their weighting."""
    records, all_names = [], parts.shared.item_names
    for place, (name, items) in enumerate(parts.encoder.items.items()):
        known = parts.encoder.statistics[name]
        arrays.add(f"statistics/{place}/idf", known.idf)
        arrays.add(f"statistics/{place}/item_bias", known.item_bias)
        names = None if all_names is None else all_names.get(name)
        out.add(f"items-{place}", ".parquet", partial(write_ids, vocabulary=items, names=names))
        records.append({"name": name, "length": known.length, "mean": known.mean, "now": known.now})
    return records


def _write_table(out: _Output, name: str, table: pd.DataFrame) -> str:
    rows = pa.Table.from_pandas(table, preserve_index=False)  # the index would be a column of the file
    out.add(name.rstrip("_"), ".parquet", partial(pq.write_table, rows))
    return name


def _write_panel(out: _Output, panel: Panel) -> dict[str, Any]:
    histories = Arrays()
    record = describe_panel(panel, histories)
    out.add("people", ".parquet", partial(write_ids, vocabulary=panel.users))
    _write_arrays(out, "histories", histories)
    return record


def _write_arrays(out: _Output, role: str, arrays: Arrays) -> None:
    out.add(role, ".safetensors", partial(_save_arrays, arrays.stored))


def _save_arrays(stored: dict[str, Any], where: Path | io.BytesIO) -> None:
    if isinstance(where, Path):
        where.touch()
        mode = where.stat().st_mode  # save_file gives its files to their owner alone, whatever the umask
        save_file(stored, where)
        where.chmod(stat.S_IMODE(mode))
    else:
        where.write(save_bytes(stored))
