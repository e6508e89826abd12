"""How a text file is written: encoding, delimiter, quotes and header, found by looking at the file."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from tastebridge.data.columns import roles_named
from tastebridge.data.files.errors import NoHeaderError
from tastebridge.data.files.options import ReadingOptions
from tastebridge.data.files.places import Place
from tastebridge.exceptions import InvalidDataError

_BLOCK = 1 << 22
_SAMPLE = 1 << 20
_LINES = 500
# Of two that fit equally well the first one is taken.
_DELIMITERS = ("::", "\t", ";", "|", ",", "\x01")
_BY_ENDING = {
    ".tsv": "\t",
    ".inter": "\t",
    ".item": "\t",
    ".user": "\t",
    ".csv": ",",
    ".psv": "|",
    ".ssv": ";",
}
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_NUMBER = re.compile(r"\s*[+-]?\d+([.,]\d*)?([eE][+-]?\d+)?\s*")
# A delimiter that no text holds: each line is then one field.
_NO_SIGN = "\x1e"
_STRAY = "\x1f"
"""A sign no text holds: it stands for a delimiter of two signs while Arrow parses."""


@dataclass(frozen=True)
class Quotes:
    """How fields are quoted.

    Attributes
    ----------
    used : bool
        Whether a double quote at the start of a field opens a quoted field.
    spanning : bool
        Whether quoted fields hold line breaks.
    escaped : bool
        Whether a backslash stands before a quote inside a field, instead of a second quote.
    """

    used: bool = False
    spanning: bool = False
    escaped: bool = False

    def __str__(self) -> str:
        return "no quotes" if not self.used else "quotes escaped by backslashes" if self.escaped else "quotes"


@dataclass(frozen=True)
class Dialect:
    """How a text file is written.

    Attributes
    ----------
    encoding : str
    delimiter : str
    quotes : Quotes
    names : tuple of str
        The columns.
    header : bool
        Whether the first line holds the names.
    padded : bool
        Whether blanks follow the delimiters.
    skip : int
        The lines before the first row.
    """

    encoding: str
    delimiter: str
    quotes: Quotes
    names: tuple[str, ...]
    header: bool
    padded: bool
    skip: int

    def __str__(self) -> str:
        sign = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "bar", "::": "two colons"}
        parts = [
            f"delimiter {sign.get(self.delimiter, repr(self.delimiter))}",
            f"encoding {self.encoding}",
            str(self.quotes),
            "header" if self.header else "no header",
            *(["blanks behind delimiters taken off"] if self.padded else []),
        ]
        return ", ".join(parts)


def find_dialect(place: Place, options: ReadingOptions, expected: Sequence[str] = ()) -> Dialect:
    """Return how a text file is written, from the options or from the file.

    Parameters
    ----------
    place : Place
    options : ReadingOptions
        Whatever it names is taken as it is.
    expected : sequence of str
        Columns the caller names, which a header must hold.

    Raises
    ------
    InvalidDataError
        If the file is binary or has neither a header nor names, or its quotes can be read in two ways.
    """
    encoding, with_quotes, sample = _looked_through(place, options.encoding)
    lines = [line for line in re.split(r"\r\n|\r|\n", sample) if line][:_LINES]
    if not lines:
        raise InvalidDataError(f"{str(place)!r} has no rows; a panel needs at least one.")
    delimiter = options.delimiter or _delimiter(lines, place, options.names)
    first = [cell.strip() for cell in _fields(lines[0], delimiter)]
    is_header = _is_header(first, [_fields(line, delimiter) for line in lines[1:]], expected)
    names = _names(place, options, first, is_header)
    padded = (
        is_header and len(first) > 1 and all(cell[:1] == " " for cell in _fields(lines[0], delimiter)[1:])
    )
    quotes = Quotes()
    if with_quotes and options.quoting is not False:
        quotes = _quotes(place, encoding, delimiter, len(names), options.quoting)
    empty = len(re.match(r"(?:\r\n|\r|\n)*", sample)[0].replace("\r\n", "\n"))  # type: ignore[index]
    return Dialect(encoding, delimiter, quotes, tuple(names), is_header, padded, empty + is_header)


def text_stream(place: Place, encoding: str, delimiter: str) -> tuple[Any, str]:
    """Return the file as a stream of UTF-8, and the one sign its fields are parted by."""
    sign = _STRAY if len(delimiter) > 1 else delimiter
    with place.opened() as stream:
        content = stream.read()
    if encoding not in ("utf-8", "utf-8-sig"):
        content = content.decode(encoding).encode("utf-8")
    content = content.removeprefix(codecs.BOM_UTF8)
    if sign != delimiter:
        content = content.replace(delimiter.encode(), sign.encode())
    return pa.BufferReader(content), sign


def _looked_through(place: Place, encoding: str | None) -> tuple[str, bool, str]:
    """Return the encoding, whether there are double quotes, and the beginning of the text."""
    head, quotes, plain = b"", False, True
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    with place.opened() as stream:
        while block := stream.read(_BLOCK):
            head = head or block[:_SAMPLE]
            quotes = quotes or b'"' in block
            plain = plain and _decodes(decoder, block)
    found = encoding or next((name for bom, name in _BOMS if head.startswith(bom)), None)
    if found is None:
        if b"\x00" in head:
            raise InvalidDataError(f"{str(place)!r} cannot be read: it is not a text file.")
        # Text that is not UTF-8 mostly comes from Windows. cp1252 leaves five bytes undefined; latin-1, the
        # last resort, none.
        found = "utf-8" if plain else "cp1252"
    try:
        codecs.lookup(found)
        # Incremental, since the sample may end inside a character.
        text = codecs.getincrementaldecoder(found)("strict").decode(head)
    except LookupError:
        raise InvalidDataError(
            f"encoding={found!r} is not known. Give one such as 'utf-8' or 'latin-1'."
        ) from None
    except UnicodeDecodeError:
        if encoding is not None:
            raise InvalidDataError(f"{str(place)!r} cannot be read: it is not {encoding}.") from None
        found, text = "latin-1", head.decode("latin-1")
    return found, quotes, text


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes) -> bool:
    if block.isascii():
        return True
    try:
        decoder.decode(block)
    except UnicodeDecodeError:
        return False
    return True


def _delimiter(lines: Sequence[str], place: Place, names: Sequence[str] | None) -> str:
    """Return the delimiter that cuts all lines into equally many fields and the first into known names."""
    usual = _BY_ENDING.get(place.ending)
    scores = {}
    for sign in _DELIMITERS:
        counts = Counter(len(_fields(line, sign)) for line in lines)
        n_first = len(_fields(lines[0], sign))
        if n_first < 2:
            continue
        known = len(roles_named([cell.strip() for cell in _fields(lines[0], sign)]))
        fits = names is not None and n_first == len(names)
        # Nine lines in ten: a quoted field may hold the delimiter or a line break.
        scores[sign] = (fits, counts[n_first] / len(lines) > 0.9, known, sign == usual, counts[n_first])
    if not scores:
        return usual or ","
    return max(scores, key=lambda sign: (*scores[sign], -_DELIMITERS.index(sign)))


def _fields(line: str, delimiter: str) -> list[str]:
    """Return the fields of a line, quoted ones without their quotes."""
    if '"' not in line:
        return line.split(delimiter)
    sign = _STRAY if len(delimiter) > 1 else delimiter
    read = csv.reader([line.replace(delimiter, sign)], delimiter=sign, skipinitialspace=True)
    try:
        return next(iter(read), [""])
    except csv.Error:
        return line.split(delimiter)


def _is_header(first: Sequence[str], rows: Sequence[Sequence[str]], expected: Sequence[str]) -> bool:
    """Return whether the first line holds names of columns.

    Names are known, or stand above numbers without being one.
    """
    if expected and all(name in first for name in expected):
        return True
    known = len(roles_named(first))
    # A column may be called 2019, and a row may hold the word "user": two known names settle it.
    if any(_NUMBER.fullmatch(cell) for cell in first):
        return known >= 2
    return known >= 1 or any(_are_numbers(rows, place) for place in range(len(first)))


def _are_numbers(rows: Sequence[Sequence[str]], place: int) -> bool:
    cells = [row[place] for row in rows if len(row) > place and row[place].strip()]
    return bool(cells) and all(_NUMBER.fullmatch(cell) for cell in cells)


def _names(place: Place, options: ReadingOptions, first: Sequence[str], is_header: bool) -> list[str]:
    if options.names is not None:
        if len(options.names) != len(first):
            raise InvalidDataError(
                f"{len(options.names)} columns are named for {str(place)!r}, whose first line has"
                f" {len(first)} fields. Name all of them in order; an empty name leaves one out."
            )
        return [name or f"unnamed {number}" for number, name in enumerate(options.names)]
    if not is_header:
        # the item of a section is a field that reading added to its rows
        n_fields = len(first) - place.sectioned
        fields = f"{n_fields} field{'s' if n_fields > 1 else ''}"
        items = " The items are the heads of sections, and have no column." if place.sectioned else ""
        raise NoHeaderError(
            f"in {str(place)!r}: no column for user_id; the first line, of {fields}, does not look like a"
            " header. If there is none, name the columns in order:"
            ' columns=["user_id", "item_id", …]. If there is one, name its columns:'
            f" columns={{'user_id': \"…\"}}.{items}"
        )
    return list(first)


def _quotes(place: Place, encoding: str, delimiter: str, n_fields: int, asked: bool | None) -> Quotes:
    """Return how the fields of a file with double quotes are quoted.

    A line agrees with quoting if each of its fields that opens with a quote closes with one. Lines that do
    not are pieces of a field with line breaks, or hold stray quotes. In the first case the quoted reading
    gives every record its number of fields, in the second the unquoted one does.
    """
    stream, sign = text_stream(place, encoding, delimiter)
    every = _lines(stream)
    lines = every.filter(pc.match_substring(every, '"'))
    good = pc.match_substring_regex(lines, _agreeing(sign))
    odd = lines.filter(pc.invert(good))
    if not len(odd):
        return Quotes(used=True)
    if pc.all(pc.match_substring_regex(lines, _agreeing(sign, escaped=True))).as_py():
        return Quotes(used=True, escaped=True)
    unquoted = not asked and pc.all(pc.equal(pc.count_substring(every, sign), n_fields - 1)).as_py()
    quoted = [escaped for escaped in (False, True) if _reads_quoted(stream, sign, n_fields, escaped)]
    in_use = pc.any(pc.match_substring_regex(lines.filter(good), _enclosed(sign)), min_count=0).as_py()
    plain = delimiter not in (",", ";")  # in a file with tabs or bars a quote is mostly a sign like any other
    if quoted and (not unquoted or (in_use and not plain)):
        return Quotes(used=True, spanning=True, escaped=quoted[0])
    if unquoted and (plain or (not quoted and not in_use)):
        return Quotes()
    if asked:
        return Quotes(used=True, spanning=True)
    raise InvalidDataError(
        f"{str(place)!r} has {len(odd):,} lines with a double quote that its field does not close. It can"
        " open a field with line breaks, or be a plain sign. Say which: quoting=True or quoting=False."
    )


def _agreeing(sign: str, escaped: bool = False) -> str:
    """Return the pattern of a line whose quoted fields all close."""
    s = re.escape(sign)
    inner = r'[^"\\]|""|\\.' if escaped else r'[^"]|""'
    field = rf'(?:"(?:{inner})*"|[^"{s}][^{s}]*|)'
    return rf"^{field}(?:{s}{field})*$"


def _enclosed(sign: str) -> str:
    """Return the pattern of a line with a field that is certainly quoted, as it contains a delimiter."""
    s = re.escape(sign)
    return rf'(?:^|{s})"[^"]*{s}[^"]*"(?:{s}|$)'


def _lines(stream: pa.NativeFile) -> pa.ChunkedArray:
    read = pacsv.ReadOptions(column_names=["line"], block_size=_BLOCK * 4)
    parse = pacsv.ParseOptions(delimiter=_NO_SIGN, quote_char=False, double_quote=False)
    convert = pacsv.ConvertOptions(column_types={"line": pa.large_string()}, check_utf8=False)
    return pacsv.read_csv(stream, read_options=read, parse_options=parse, convert_options=convert)["line"]


def _reads_quoted(stream: pa.NativeFile, sign: str, n_fields: int, escaped: bool) -> bool:
    """Return whether every record has its number of fields if quotes open fields, and every quote closes."""
    stream.seek(0)
    more: dict[str, Any] = {"escapechar": "\\", "doublequote": False} if escaped else {}
    text = io.StringIO(stream.read().decode("utf-8", "replace"), newline="")
    # The limit (128 KiB at first) belongs to the whole process, so it is put back.
    limit = csv.field_size_limit(1 << 30)
    try:
        return all(len(row) in (0, n_fields) for row in csv.reader(text, delimiter=sign, strict=True, **more))
    except csv.Error:
        return False
    finally:
        csv.field_size_limit(limit)
