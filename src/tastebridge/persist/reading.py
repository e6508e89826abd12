"""A folder to the parts of a recommender; damaged files are refused, and no code in them is ever run."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors.numpy import load

from tastebridge._foundation.addresses import as_address
from tastebridge._foundation.validation import nearest_file
from tastebridge.data import Panel, Vocabulary, Weighting
from tastebridge.data.history_encoder import HistoryEncoder
from tastebridge.data.weighting import WeightingStatistics
from tastebridge.exceptions import MissingDependencyError, ModelFileError
from tastebridge.model import LinearModel
from tastebridge.model.category_model import CategoryModel
from tastebridge.model.scorers import LinearScorer, RatingScorer, Scorer, SimilarityScorer
from tastebridge.online.state import (
    COMPRESSED,
    NOT_AN_INTEREST_MAPPER,
    SAVED_WITHOUT,
    FittedState,
    MultiTarget,
)
from tastebridge.online.statistics import ModelStatistics
from tastebridge.persist.arrays import Arrays
from tastebridge.persist.bounded import read_parquet
from tastebridge.persist.diagnostic_tables import read_tables
from tastebridge.persist.disk import read_regular
from tastebridge.persist.encrypted_store import open_folder
from tastebridge.persist.ids import read_ids
from tastebridge.persist.interests import revive_interests
from tastebridge.persist.linear import revive_model
from tastebridge.persist.manifest import LARGEST, MANIFEST, check_file, parse, read_file
from tastebridge.persist.multi_target import revive_targets
from tastebridge.persist.panel import revive_panel
from tastebridge.persist.parameters import from_json
from tastebridge.persist.saved import Saved
from tastebridge.persist.similarity import revive_similarity
from tastebridge.persist.statistics import revive_statistics
from tastebridge.privacy.keys import Key, as_key

_PATIENCE = 30.0
"""Seconds during which a load starts again if the folder is replaced under it."""


class Files(Protocol):
    """The files of a model by role, each read and checked on request."""

    def __getitem__(self, role: str) -> BinaryIO: ...


def read(path: str | Path, key: Key | bytes | None = None, name: str | None = None) -> Saved:
    """Return the parts of a saved recommender; see :func:`tastebridge.load`.

    While another process replaces the model, files of the old one vanish. So a load that fails is repeated
    if the manifest has changed meanwhile, and finds the new model.
    """
    path, key = Path(path), None if key is None else as_key(key)
    end = time.monotonic() + _PATIENCE
    while True:
        text = _manifest(path)
        try:
            return _read(path, key, parse(text, path), name)
        except ModelFileError:
            if time.monotonic() > end or not _is_replaced(path, text):
                raise


def _read(path: Path, key: Key | None, content: dict[str, Any], name: str | None) -> Saved:
    """Return the parts of the model whose manifest has this content."""
    if (key is not None) != ("encryption" in content):
        raise ModelFileError(_not_as_expected(path, key))
    with broken(path):
        if key is None:
            _check_name(content, name)
            files = _Plain(path, content["files"])
            saved = _parts(content, files)
            files.check_rest()  # a damaged card means a damaged copy, even if no array is
            return saved
        content, opened = open_folder(path, content, key)
        _check_name(content, name)
        return _parts(content, _Sealed(content["files"], opened))


def _check_name(content: dict[str, Any], name: str | None) -> None:
    """Refuse a model that was saved under another name than the requested one."""
    if name is not None and content.get("name") != name:
        found = f"is named {content['name']!r:.80}" if "name" in content else "has no name"
        raise ModelFileError(f"it {found}, but the model {name!r:.80} was requested.")


def _is_replaced(path: Path, text: bytes) -> bool:
    """Return whether the manifest of a folder has changed since ``text`` was read."""
    try:
        return _manifest(path) != text
    except ModelFileError:
        return False


class _Plain:
    """Files that are not encrypted."""

    def __init__(self, folder: Path, records: dict[str, dict[str, Any]]) -> None:
        self._folder, self._records = folder, records
        self._rest = set(records)

    def __getitem__(self, role: str) -> BinaryIO:
        self._rest.discard(role)
        return io.BytesIO(read_file(self._folder, self._records[role]))

    def check_rest(self) -> None:
        """Check the files that were not read, such as the card."""
        for role in sorted(self._rest):
            check_file(self._folder, self._records[role])


class _Sealed:
    """Encrypted files, decrypted in memory."""

    def __init__(
        self, records: dict[str, dict[str, Any]], opened: Callable[[dict[str, Any]], BinaryIO]
    ) -> None:
        self._records, self._opened = records, opened

    def __getitem__(self, role: str) -> BinaryIO:
        return self._opened(self._records[role])


def _not_as_expected(path: Path, key: Key | bytes | None) -> str:
    if key is None:
        return f"{str(path)!r} is encrypted: pass the key it was saved with, key=…"
    # refused, not read: otherwise anyone could replace an encrypted model by one of their own
    return (
        f"{str(path)!r} is not encrypted, but a key was given: the encrypted model may have been replaced. "
        "Load it without a key if it is meant to be unencrypted."
    )


@contextmanager
def broken(path: Path) -> Iterator[None]:
    """Turn any error about the content of a folder into one that names the folder."""
    try:
        yield
    except ModelFileError as error:
        if str(path) in str(error):
            raise
        raise type(error)(f"{str(path)!r} cannot be loaded: {_first_line(error)}") from None
    except MissingDependencyError:
        raise
    except Exception as error:  # damaged or made-up content can raise anything on its way into a model
        raise ModelFileError(
            f"{str(path)!r} cannot be loaded: its parts do not form a model "
            f"({type(error).__name__}: {_first_line(error)})."
        ) from error


def _first_line(error: BaseException) -> str:
    # messages of Arrow and scipy can span pages
    return str(error).partition("\n")[0][:500]


def _manifest(path: Path) -> bytes:
    """Return the text of the manifest of a folder."""
    try:
        there = path.exists()
    except OSError as error:  # a name too long, a folder that may not be looked into
        raise ModelFileError(f"there is no readable model {str(path)!r:.300}: {error.strerror}.") from None
    if not there:
        if (address := as_address(path)) is not None:
            raise ModelFileError(
                f"{address!r} is an address; copy the folder of the model to the disk first."
            )
        raise ModelFileError(f"there is no model {str(path)!r}.{nearest_file(path)}")
    if not path.is_dir():
        raise ModelFileError(f"{str(path)!r} is a file; a saved model is a folder.")
    try:
        return read_regular(path / MANIFEST, LARGEST)
    except OSError:
        raise ModelFileError(f"{str(path)!r} is not a saved model: it has no readable {MANIFEST}.") from None


def _parts(content: dict[str, Any], files: Files) -> Saved:
    items, names = _items(content["categories"], files)
    sizes = {name: len(vocabulary) for name, vocabulary in items.items()}
    arrays = _arrays(files["arrays"], sizes)
    weighting = from_json(content["weighting"])
    if not isinstance(weighting, Weighting):
        raise ModelFileError(f"its weighting is a {type(weighting).__name__}, not a Weighting.")
    encoder = HistoryEncoder(items, weighting, _statistics(content["categories"], arrays, sizes))

    def read_table(name: str) -> pd.DataFrame:
        return _table(files[name.rstrip("_")])  # tables are called as attributes, files without the "_"

    tables = read_tables({name: read_table(name) for name in content["tables"]})
    interests = _interests(content.get("interests"), arrays, sizes)
    panel = _panel(content["people"], files, items, names)
    parameters = {name: from_json(value) for name, value in content["parameters"].items()}
    if content.get("several"):
        # empty until revive_targets fills it: the shared state is needed first, to revive each target
        nothing = CategoryModel(*(np.zeros(0) for _ in CategoryModel._fields))
        shared = MultiTarget(encoder, names or None, interests or {}, nothing, {}, tables.tables)
        targets, joint = revive_targets(content["several"], arrays, shared, read_table)
        return Saved(content["class"], parameters, targets, joint, panel)
    scorer = _scorer(content, arrays, sizes, tables.tables)
    statistics = _model_statistics(content.get("ledger"), files, sizes, scorer.model)
    state = FittedState(
        scorer,
        encoder,
        names or None,
        tables.tables,
        tables.findings,
        interests,
        tables.confidence,
        statistics,
        no_statistics=_why_none(content["class"], tables.tables),
    )
    if panel is not None and statistics is not None:
        panel = _with_encoders(panel, statistics)
    return Saved(content["class"], parameters, {scorer.target: state}, None, panel)


def _scorer(
    content: dict[str, Any], arrays: Arrays, sizes: dict[str, int], tables: dict[str, pd.DataFrame]
) -> Scorer:
    """Return the scorer: by similarity, by rating, or by vectors."""
    record = content["model"]
    if record["class"] == "ItemSimilarity":
        return SimilarityScorer(revive_similarity(record, arrays, sizes))
    if record["class"] != "LinearModel":
        raise ModelFileError(f"it names the model {record['class']!r}, which it cannot hold.")
    model = revive_model(record, arrays, sizes)
    if content["class"] != "RatingMapper":
        return LinearScorer(model)
    ratings = (
        revive_model(content["ratings"], arrays.under("ratings"), sizes) if "ratings" in content else model
    )
    scale = tables["chosen_"]
    return RatingScorer(model, ratings, float(scale["low"].iloc[0]), float(scale["high"].iloc[0]))


def _why_none(kind: str, tables: dict[str, pd.DataFrame]) -> str:
    """Return the reason why a model may have no sufficient statistics."""
    if kind != "InterestMapper":
        return NOT_AN_INTEREST_MAPPER
    return COMPRESSED if "compression_" in tables else SAVED_WITHOUT


def _items(records: list[dict[str, Any]], files: Files) -> tuple[dict[str, Vocabulary], dict[str, pd.Series]]:
    found = {
        record["name"]: read_ids(files[f"items-{place}"], "item_id") for place, record in enumerate(records)
    }
    names = {name: names for name, (_, names) in found.items() if names is not None}
    return {name: items for name, (items, _) in found.items()}, names


def _statistics(
    records: list[dict[str, Any]], arrays: Arrays, sizes: dict[str, int]
) -> dict[str, WeightingStatistics]:
    return {
        record["name"]: WeightingStatistics(
            idf=arrays.get(f"statistics/{place}/idf", sizes[record["name"]]),
            length=float(record["length"]),
            mean=float(record["mean"]),
            item_bias=arrays.get(f"statistics/{place}/item_bias", sizes[record["name"]]),
            now=None if record["now"] is None else float(record["now"]),
        )
        for place, record in enumerate(records)
    }


def _interests(
    names: list[str] | None, arrays: Arrays, sizes: dict[str, int]
) -> dict[str, dict[str, NDArray[np.float64]]] | None:
    return None if names is None else revive_interests(names, arrays, sizes)


def _model_statistics(
    record: dict[str, Any] | None, files: Files, sizes: dict[str, int], model: LinearModel
) -> ModelStatistics | None:
    return (
        None if record is None else revive_statistics(record, _arrays(files["ledger"], sizes), sizes, model)
    )


def _with_encoders(panel: Panel, statistics: ModelStatistics) -> Panel:
    """Return the panel with the encoders of its features, which the statistics hold."""
    made = {} if statistics.arrivals is None else statistics.arrivals.kinds
    features = {category: dict(kinds) for category, kinds in panel.item_features.items()}
    for category, kinds in made.items():
        for name, kind in kinds.items():
            features[category][name] = replace(features[category][name], encoder=kind.encoder)
    return replace(panel, item_features=features)


def _arrays(file: BinaryIO, sizes: Mapping[str, int]) -> Arrays:
    return Arrays(load(file.read())).within(sum(sizes.values()))


def _table(file: BinaryIO) -> pd.DataFrame:
    return read_parquet(file).to_pandas()


def _panel(
    record: dict[str, Any] | None,
    files: Files,
    items: dict[str, Vocabulary],
    names: dict[str, pd.Series],
) -> Panel | None:
    if record is None:
        return None
    users, _ = read_ids(files["people"], "user_id")
    sizes = {name: len(vocabulary) for name, vocabulary in items.items()}
    return revive_panel(record, _arrays(files["histories"], sizes), users, items, names or None)
