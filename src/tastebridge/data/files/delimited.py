"""Text files with a delimiter, as columns of text: the meaning of a cell is not guessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from tastebridge.data.files.dialect import Dialect, find_dialect, text_stream
from tastebridge.data.files.options import ReadingOptions
from tastebridge.data.files.places import Place
from tastebridge.exceptions import InvalidDataError

# Ids and categories repeat: codes into a dictionary take a fraction of the memory.
_TEXT = pa.dictionary(pa.int32(), pa.string())
_BLOCK = 1 << 22


@dataclass(frozen=True)
class DelimitedTable:
    """One text file: the names of its columns, and the columns on request.

    Attributes
    ----------
    place : Place
    dialect : Dialect
    """

    place: Place
    dialect: Dialect

    @classmethod
    def open(cls, place: Place, options: ReadingOptions, expected: Sequence[str] = ()) -> DelimitedTable:
        """Look at a file and find out how it is written."""
        return cls(place, find_dialect(place, options, expected))

    @property
    def names(self) -> list[str]:
        """The columns, in order."""
        return list(self.dialect.names)

    @property
    def note(self) -> str:
        """How the file was read."""
        return f"{self.place}: {self.dialect}"

    def read(self, columns: Sequence[str], varied: Sequence[str] = ()) -> pa.Table:
        """Return columns as text, empty cells as null; ``varied`` ones as numbers if all of a file's are.

        Raises
        ------
        InvalidDataError
            If a line has another number of fields than there are columns, naming the line.
        """
        for name in columns:
            if self.names.count(name) > 1:
                raise InvalidDataError(
                    f"{str(self.place)!r} has several columns {name!r}. Rename all but one."
                )
        places = {name: str(self.names.index(name)) for name in columns}
        try:  # numbers at once, which is several times as quick as by way of text
            table = self._parsed({place: _kind(name, varied, pa.float64()) for name, place in places.items()})
        except pa.ArrowInvalid:
            if not varied:
                raise
            table = self._parsed({place: _kind(name, varied, pa.string()) for name, place in places.items()})
        table = table.rename_columns(list(columns))
        return _without_padding(table) if self.dialect.padded else table

    def _parsed(self, kinds: dict[str, pa.DataType], threads: bool = True) -> pa.Table:
        ragged: list[pacsv.InvalidRow] = []
        quotes = self.dialect.quotes

        def skip(row: pacsv.InvalidRow) -> str:
            ragged.append(row)
            return "skip"

        stream, sign = text_stream(self.place, self.dialect.encoding, self.dialect.delimiter)
        if stream.size() == 0:
            return pa.table({place: pa.array([], kind) for place, kind in kinds.items()})
        read = pacsv.ReadOptions(
            column_names=[str(number) for number in range(len(self.dialect.names))],
            skip_rows=self.dialect.skip,
            # A field with line breaks may be longer than a block, which Arrow refuses: the file is one block.
            block_size=max(_BLOCK, 1 + stream.size()) if quotes.spanning else _BLOCK,
            use_threads=threads,
        )
        parse = pacsv.ParseOptions(
            delimiter=sign,
            quote_char='"' if quotes.used else False,
            double_quote=quotes.used and not quotes.escaped,
            escape_char="\\" if quotes.escaped else False,
            newlines_in_values=quotes.spanning,
            invalid_row_handler=skip,
        )
        convert = pacsv.ConvertOptions(
            include_columns=list(kinds),
            column_types=kinds,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        )
        try:
            table = pacsv.read_csv(stream, read_options=read, parse_options=parse, convert_options=convert)
        except pa.ArrowInvalid as error:
            # A file with a header alone is an empty table here, and an error to Arrow.
            if "Empty CSV" not in str(error):
                raise
            table = pa.table({place: pa.array([], kind) for place, kind in kinds.items()})
        if ragged and threads:
            return self._parsed(kinds, threads=False)  # one thread knows the numbers of the rows
        if ragged:
            self._refuse(ragged)
        return table

    def _refuse(self, ragged: Sequence[pacsv.InvalidRow]) -> None:
        first = ragged[0]
        raise InvalidDataError(
            f"{str(self.place)!r} cannot be read: {len(ragged):,} of its rows have another number of fields"
            f" than its {len(self.dialect.names)} columns, the first in line {first.number} with"
            f" {first.actual_columns}. It was read with {self.dialect}. Correct the rows, or specify the "
            "format: delimiter=…, quoting=…"
        )


def _kind(name: str, varied: Sequence[str], kind: pa.DataType) -> pa.DataType:
    return kind if name in varied else _TEXT


def _without_padding(table: pa.Table) -> pa.Table:
    """Return a table without the blanks that follow every delimiter of the file."""
    for number, name in enumerate(table.column_names):
        column = table[name]
        if pa.types.is_floating(column.type):  # Arrow passes over the blanks of numbers
            continue
        if pa.types.is_string(column.type):
            table = table.set_column(number, name, pc.ascii_ltrim(column, " "))
            continue
        chunks = [
            pa.DictionaryArray.from_arrays(chunk.indices, pc.ascii_ltrim(chunk.dictionary, " "))
            for chunk in column.unify_dictionaries().chunks
        ]
        table = table.set_column(number, name, pa.chunked_array(chunks, _TEXT))
    return table
