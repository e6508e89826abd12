"""Workbooks of spreadsheet programs, as columns of text: ``.xlsx``, ``.xls``, ``.xlsb`` and ``.ods``."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import pyarrow as pa

from tastebridge.data.files.places import Place
from tastebridge.exceptions import InvalidDataError, MissingDependencyError

ENDINGS = (".xlsx", ".xls", ".xlsb", ".xlsm", ".ods")

_Cell = str | float | bool | date | time | datetime | timedelta


@dataclass(frozen=True)
class ExcelTable:
    """The first sheet of a workbook with cells; its first row has the names of the columns.

    Attributes
    ----------
    place : Place
    names : list of str
    rows : list of list
        The cells below the names.
    sheet : str
    """

    place: Place
    names: list[str]
    rows: list[list[_Cell]]
    sheet: str

    @classmethod
    def open(cls, place: Place) -> ExcelTable:
        """Read a workbook.

        Raises
        ------
        MissingDependencyError
            Without the package python-calamine.
        InvalidDataError
            If no sheet has rows, or the file is no workbook.
        """
        try:
            from python_calamine import CalamineError, CalamineWorkbook
        except ImportError:
            raise MissingDependencyError(
                "workbooks need the package python-calamine. Install it: pip install 'tastebridge[excel]'."
            ) from None
        try:
            if place.content is None:
                book = CalamineWorkbook.from_path(str(place.path))
            else:
                book = CalamineWorkbook.from_filelike(io.BytesIO(place.content))
            for sheet in book.sheet_names:
                rows = book.get_sheet_by_name(sheet).to_python()
                if len(rows) > 1:
                    return cls(
                        place,
                        [_text(cell) or f"unnamed {at}" for at, cell in enumerate(rows[0])],
                        rows[1:],
                        sheet,
                    )
        except CalamineError as error:
            raise InvalidDataError(f"{str(place)!r} cannot be read: {type(error).__name__}.") from None
        raise InvalidDataError(f"{str(place)!r} has no rows; a panel needs at least one.")

    @property
    def note(self) -> str:
        """How the file was read."""
        return f"{self.place}: workbook, sheet {self.sheet!r}"

    def read(self, columns: Sequence[str], varied: Sequence[str] = ()) -> pa.Table:
        """Return columns as text, empty cells as null."""
        places = [self.names.index(name) for name in columns]
        cells = {
            name: [_text(row[at]) for row in self.rows] for name, at in zip(columns, places, strict=True)
        }
        return pa.table(
            {name: pa.array(texts, pa.string()).dictionary_encode() for name, texts in cells.items()}
        )


def _text(cell: _Cell) -> str | None:
    """Return a cell as the text a CSV of the sheet would have: whole numbers without a point."""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) <= 2.0**53:
        return str(int(cell))
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    return str(cell) or None
