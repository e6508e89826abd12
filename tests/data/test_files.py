"""Files of any layout: what is found out, what may be said, what is refused, and what errors do not show."""

import gzip
import io
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest

from tastebridge.data import CleaningPolicy, Panel, ReadingOptions, read_panel
from tastebridge.data.reading import read_ids
from tastebridge.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    MissingDependencyError,
    TastebridgeWarning,
)

HEAD = "user_id,item_id,category\n"


@pytest.fixture
def put(tmp_path):
    def written(name, content):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return written


def pairs(panel):
    """Return the sorted pairs of a panel as (user, item, category)."""
    frame = panel.to_frame()
    return sorted(zip(frame.user_id, frame.item_id, frame.category.astype(str), strict=True), key=str)


@pytest.mark.parametrize("sign", [",", ";", "\t", "|", "::"])
@pytest.mark.parametrize("ending", ["csv", "txt", "dat"])
def test_every_delimiter_is_found_whatever_the_ending(put, sign, ending):
    rows = [["user_id", "item_id", "category", "rating"], ["1", "a", "x", "4"], ["2", "b", "y", "5"]]
    path = put(f"e.{ending}", "".join(sign.join(row) + "\n" for row in rows))
    assert pairs(read_panel(path)) == [(1, "a", "x"), (2, "b", "y")]


@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16"])
def test_encodings_are_found_and_said(put, code):
    path = put("e.csv", (HEAD + "1,Élan für alle,bücher\n").encode(code))
    panel = read_panel(path)
    assert pairs(panel) == [(1, "Élan für alle", "bücher")]
    assert "encoding" in panel.cleaning.notes[0]
    assert pairs(read_panel(path, encoding=code)) == pairs(panel)


def test_a_file_without_a_header_loses_no_row(put):
    path = put("e.csv", "1,512,70,buy,1511544070\n2,513,71,pv,1511544071\n")
    with pytest.raises(InvalidDataError, match="does not look like a header") as error:
        read_panel(path)
    assert "512" not in str(error.value).replace(str(path), "")
    names = ["user_id", "item_id", "category", "event", "timestamp"]
    panel = read_panel(path, columns=names, event_weights={"buy": 5, "pv": 1})
    assert pairs(panel) == [(1, 512, "70"), (2, 513, "71")]
    assert panel["70"].matrix.data.tolist() == [5.0]
    with pytest.raises(InvalidDataError, match=r"4 columns are named .* 5 fields"):
        read_panel(path, columns=names[:4])
    assert not read_panel(path, columns=["user_id", "item_id", "category", "", ""]).has_times
    with_header = put("h.csv", HEAD + "1,a,x\n")
    assert pairs(read_panel(with_header, columns=["user_id", "item_id", "category"])) == [(1, "a", "x")]


STRAY = 'user_id\titem_id\tcategory\n1\t"a\tx\n2\tb\tx\n3\tc\tx\n4\t{}\tx\n'


@pytest.mark.parametrize("last", ['"d', 'd"', '"d"', "d"])
def test_a_stray_quote_swallows_no_rows(put, last):
    panel = read_panel(put("e.tsv", STRAY.format(last)))
    assert [user for user, _, _ in pairs(panel)] == [1, 2, 3, 4]


def test_quotes_that_may_be_either_are_asked_back(put):
    path = put("e.csv", HEAD + '1,"a,x\n2,b,x\n3,c",x\n')
    with pytest.raises(InvalidDataError, match="quoting=True or quoting=False"):
        read_panel(path)
    assert len(read_panel(path, quoting=False)) == 3


def test_quotes_escaped_by_backslashes_are_quotes(put):
    rows = '"1";"a";"x";"he said \\"hi\\"; then"\n"2";"b";"y";"plain"\n'
    panel = read_panel(put("e.csv", '"user_id";"item_id";"category";"note"\n' + rows))
    assert pairs(panel) == [(1, "a", "x"), (2, "b", "y")]
    assert "backslashes" in panel.cleaning.notes[0]


@pytest.mark.parametrize("n_rows", [50, 60_000])
def test_quoted_line_breaks_are_read_across_blocks(put, n_rows):
    """Whatever stands in a review, also over the borders of blocks of 1 MB, is no user."""
    texts = ["I liked it,\nreally", 'say ""hi""\r\n\r\n1,2,3', "plain", "ü" * 60 + "\n,,,"]
    rows = (f'u{row},"{texts[row % 4]}",i{row % 50},c{row % 3}\n' for row in range(n_rows))
    path = put("reviews.csv", "user_id,review,item_id,category\n" + "".join(rows))
    assert n_rows == 50 or path.stat().st_size > 2**21
    panel = read_panel(path)
    assert set(panel.users.ids) == {f"u{row}" for row in range(n_rows)}
    assert panel.cleaning.rows_in == n_rows


SECRET = "I hated it since my ex gave it to me"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("e.csv", HEAD + f"1,a,x\n2,{SECRET}\n", "the first in line 3 with 2"),
        ("e.csv", f"user_id,item_id,category,rating\n1,a,x,{SECRET}\n", "row 0 holds text of 36 characters"),
        ("e.csv", f"user_id,item_id,category,time\n1,a,x,{SECRET}\n", "row 0 holds text of 36 characters"),
        ("e.csv", f"{SECRET},7,9\n1,2,3\n", "does not look like a header"),
        ("e.jsonl", '{"user_id": 1}\n{"user_id": ' + SECRET + "\n", "line 2 is not a JSON record"),
        ("e.jsonl", '{"user_id": 1, "item_id": 1, "category": "x"}\n'
                    '{"user_id": "' + SECRET + '", "item_id": 1, "category": "x"}\n',
         r"mixes int \(first in record 0\) and str \(first in record 1\)"),
    ],
)  # fmt: skip
def test_errors_show_the_place_and_the_shape_of_a_cell_only(put, name, content, message):
    path = put(name, content)
    with pytest.raises(InvalidDataError, match=message) as error:
        read_panel(path)
    assert not any(word in str(error.value) for word in ("hated", "ex gave", SECRET))


def test_errors_on_event_types_show_no_long_texts():
    frame = pd.DataFrame({"user_id": [1], "item_id": [1], "category": "x", "event": [SECRET + SECRET]})
    with pytest.raises(InvalidDataError, match="Is it the right column") as error:
        Panel.from_frame(frame, event_weights={"buy": 1})
    assert "hated" not in str(error.value)


def test_json_lines_nest_and_hold_lists(put):
    path = put("e.jsonl", '{"who": {"id": "u1"}, "items": [{"id": 1}, {"id": 2}], "category": "x", "n": 3}\n'
                          '{"who": {"id": "u2"}, "items": [], "category": "x", "n": 1}\n')  # fmt: skip
    panel = read_panel(path, columns={"user_id": "who.id", "item_id": "items.id", "weight": "n"})
    assert pairs(panel) == [("u1", 1, "x"), ("u1", 2, "x")]
    assert panel["x"].matrix.data.tolist() == [3.0, 3.0]
    array = put("e.json", '[{"user_id": 1, "item_id": "a", "category": "x"}]')
    assert pairs(read_panel(array)) == [(1, "a", "x")]
    python = put("p.json", "{'user_id': u'1', 'item_id': 'a', 'category': 'x'}\n")
    assert pairs(read_panel(python)) == [("1", "a", "x")]
    clicks = put("c.csv", HEAD + "1,a b c,x\n2,d,x\n")
    assert len(pairs(read_panel(clicks, list_separator=" "))) == 4


def test_folders_globs_names_and_the_standard_input(put, tmp_path, monkeypatch):
    put("shop/Books.csv", "user_id,item_id\n1,a\n")
    put("shop/Music.csv", "user_id,item_id,rating\n2,b,5\n")
    expected = [(1, "a", "Books"), (2, "b", "Music")]
    # the later file's ratings are not lost
    with (
        pytest.warns(TastebridgeWarning, match="'rating' is missing in 1 of 2 files"),
        pytest.warns(TastebridgeWarning, match="1 with NaN weights"),
    ):
        panel = read_panel(tmp_path / "shop", category_from_name=True)
    assert pairs(panel) == expected[1:]
    panel = read_panel(tmp_path / "shop/*.csv", category_from_name=True, columns={"weight": None})
    assert pairs(panel) == expected
    assert pairs(read_panel(tmp_path / "shop/Books.csv", category="all")) == [(1, "a", "all")]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((HEAD + "7,a,x\n").encode())))
    assert pairs(read_panel("-")) == [(7, "a", "x")]
    with pytest.raises(InvalidDataError, match="there is no file or folder"):
        read_panel(tmp_path / "*.nothing")


def test_later_columns_of_parquet_parts_are_kept(tmp_path):
    early = pd.DataFrame({"user_id": [1, 2], "item_id": ["a", "b"], "category": "x"})
    late = early.assign(user_id=[3, 4], weight=[5.0, 2.0], timestamp=[1.7e9, 1.8e9])
    early.to_parquet(tmp_path / "0.parquet")
    late.to_parquet(tmp_path / "1.parquet")
    with (
        pytest.warns(TastebridgeWarning, match="'weight' is missing in 1 of 2 files"),
        pytest.warns(TastebridgeWarning, match="'timestamp' is missing in 1 of 2 files"),
        pytest.warns(TastebridgeWarning, match="2 with missing times"),
    ):
        panel = read_panel(tmp_path)
    assert panel["x"].matrix.data.tolist() == [5.0, 2.0]
    assert panel["x"].times.tolist() == [1.7e9, 1.8e9]


@pytest.mark.parametrize("column", ["user_id", "item_id"])
def test_parts_of_different_types_never_merge(tmp_path, column):
    frame = pd.DataFrame({"user_id": ["7"], "item_id": ["7"], "category": "x", "note": [1]})
    frame.to_parquet(tmp_path / "0.parquet")
    frame.assign(**{column: ["007"], "note": "no role"}).to_parquet(tmp_path / "1.parquet")
    assert len(pairs(read_panel(tmp_path))) == 2
    frame.astype({column: int}).to_parquet(tmp_path / "0.parquet")
    with pytest.raises(
        InvalidDataError, match=f"'{column}' is int64 in .*0.parquet' and .*string in .*1.parquet"
    ):
        read_panel(tmp_path)
    with pytest.raises(InvalidDataError, match=f"'{column}' is int64 in .*0.parquet' and .*string in .*1"):
        read_panel(f"file://{tmp_path}")


def test_parts_of_ints_and_floats_are_whole_or_refused(tmp_path):
    frame = pd.DataFrame({"user_id": [7], "item_id": ["a"], "category": "x"})
    frame.to_parquet(tmp_path / "0.parquet")
    frame.assign(user_id=[8.0]).to_parquet(tmp_path / "1.parquet")
    assert read_panel(tmp_path).users.ids.tolist() == [7, 8]
    frame.assign(user_id=[2**60 + 1]).to_parquet(tmp_path / "0.parquet")
    with pytest.raises(InvalidDataError, match="cannot be read"):
        read_panel(tmp_path)


def test_names_of_folders_keep_their_zeros(tmp_path):
    for name, user in (("007", 1), ("7", 2)):
        folder = tmp_path / f"category={name}"
        folder.mkdir()
        pd.DataFrame({"user_id": [user], "item_id": ["a"]}).to_parquet(folder / "e.parquet")
    assert read_panel(tmp_path).categories == ("007", "7")


def test_ids_of_digits_are_read_as_asked(put):
    path = put("e.csv", HEAD + "1001,7,x\n")
    assert pairs(read_panel(path)) == [(1001, 7, "x")]
    assert pairs(read_panel(path, ids="str")) == [("1001", "7", "x")]
    assert pairs(read_panel(path, ids={"item_id": "str"})) == [(1001, "7", "x")]
    assert read_ids(path, ("item_id",), (), {"item_id": "str"})["item_id"].to_pylist() == ["7"]
    text = put("t.csv", HEAD + "1001,b7,x\n")
    with pytest.raises(InvalidDataError, match="row 0 holds text like 'a9'"):
        read_panel(text, ids={"item_id": "int"})


@pytest.mark.parametrize("value", [2.0**53 + 2, 1e18, 1.5, np.inf])
def test_floats_that_may_be_rounded_are_no_ids(value):
    frame = pd.DataFrame({"user_id": [1.0, value, np.nan], "item_id": "a", "category": "x"})
    with pytest.raises(InvalidDataError, match=r"user_id .* row 1 is (above 2\*\*53|not a whole number)"):
        Panel.from_frame(frame)
    with pytest.warns(TastebridgeWarning, match="1 with missing ids"):
        assert Panel.from_frame(frame.assign(user_id=[1.0, 2.0**53, np.nan])).users.ids.tolist() == [1, 2**53]
    single = frame.assign(user_id=np.array([1, 2**24 + 2, 3], dtype=np.float32))
    with pytest.raises(InvalidDataError, match=r"row 1 is above 2\*\*24"):
        Panel.from_frame(single)


def test_decimal_commas_are_read_or_asked_back(put):
    head = "user_id;item_id;category;rating\n"
    assert read_panel(put("e.csv", head + "1;a;x;4,5\n2;b;x;3\n"))["x"].matrix.data.tolist() == [4.5, 3.0]
    thousands = put("t.csv", head + "1;a;x;1,234\n")
    with pytest.raises(InvalidDataError, match="decimal=','"):
        read_panel(thousands)
    assert read_panel(thousands, decimal=",")["x"].matrix.data.tolist() == pytest.approx([1.234])


def test_blanks_behind_delimiters_go_and_others_stay_or_are_trimmed(put):
    spaced = put("s.csv", "user_id, item_id, category, rating\n1, a, x, 4\n2, b, x, 5\n")
    panel = read_panel(spaced)
    assert pairs(panel) == [(1, "a", "x"), (2, "b", "x")]
    assert "blanks behind delimiters" in panel.cleaning.notes[0]
    padded = put("p.csv", HEAD + "u1,a,x\nu1 ,b,x\n")
    with pytest.warns(TastebridgeWarning, match="1 of them differ from other ids only by blanks"):
        assert read_panel(padded).users.ids.tolist() == ["u1", "u1 "]
    assert read_panel(padded, trim=True).users.ids.tolist() == ["u1"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"delimeter": ";"}, "Did you mean 'delimiter'"),
        ({"categories": "last"}, "categories must be one of"),
        ({"delimiter": ""}, "delimiter must be a sign"),
        ({"category": "x", "category_from_name": True}, "exclude each other"),
        ({"item_category": "genres"}, "Give it: items="),
        ({"ids": {"user_id": "text"}}, "ids must be one of"),
        ({"columns": "user_id"}, "columns must be a mapping"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(put, options, message):
    with pytest.raises(InvalidParameterError, match=message):
        read_panel(put("e.csv", HEAD + "1,a,x\n"), **options)


def test_options_come_as_one_object_too(put):
    path = put("e.txt", "1#a#x\n")
    reading = ReadingOptions(names=["user_id", "item_id", "category"], delimiter="#")
    assert pairs(read_panel(path, reading=reading)) == [(1, "a", "x")]
    assert not reading.plain
    assert ReadingOptions().with_kinds({"item_id": "str"}).plain


def test_a_rating_that_means_none_is_an_event_or_left_out(put):
    path = put("e.csv", "user_id,item_id,category,rating\n1,a,x,8\n1,b,x,-1\n2,a,x,-1\n")
    with pytest.warns(TastebridgeWarning, match=r"2 with negative weights.*no_rating=-1"):
        assert len(pairs(read_panel(path))) == 1
    seen = read_panel(path, policy=CleaningPolicy(no_rating=-1))
    assert seen["x"].matrix.toarray().tolist() == [[8.0, 1.0], [1.0, 0.0]]
    with pytest.warns(TastebridgeWarning, match="2 with NaN weights"):
        assert len(pairs(read_panel(path, policy=CleaningPolicy(no_rating=-1, unrated="drop")))) == 1


_PARTS = {
    "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument'
    '.spreadsheetml.sheet.main+xml"/></Types>',
    "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
    'officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r='
    '"http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="log" '
    'sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
    'relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
    'relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}


def workbook(path, rows):
    """Write a workbook of one sheet by hand."""

    def cell(value):
        if isinstance(value, str):
            return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
        return f"<c><v>{value}</v></c>"

    lines = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
    sheet = f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{lines}'
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in _PARTS.items():
            archive.writestr(name, content)
        archive.writestr("xl/worksheets/sheet1.xml", f"{sheet}</sheetData></worksheet>")


def test_a_workbook_is_read_as_its_text_would_be(tmp_path):
    pytest.importorskip("python_calamine")
    rows = [(1, "007", "x", "2020-01-01"), (2, "NA", "x", "2020-01-01"), (2, "b", "x", "2020-01-02")]
    workbook(tmp_path / "e.xlsx", [("user_id", "item_id", "category", "date"), *rows])
    panel = read_panel(tmp_path / "e.xlsx")
    assert panel.users.ids.tolist() == [1, 2]
    assert panel["x"].items.ids.tolist() == ["007", "NA", "b"]
    assert panel["x"].times[0] == 1_577_836_800
    assert "workbook, sheet 'log'" in panel.cleaning.notes[0]


def test_a_workbook_without_its_package_names_the_extra(tmp_path, monkeypatch):
    workbook(tmp_path / "e.xlsx", [("user_id",)])
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(MissingDependencyError, match=r"tastebridge\[excel\]"):
        read_panel(tmp_path / "e.xlsx")


def test_uris_are_read_by_the_file_systems_of_arrow(put, tmp_path):
    text = put("e.csv", HEAD + "1,a,x\n2,007,x\n")
    panel = read_panel(text)
    (tmp_path / "gz").mkdir()
    (tmp_path / "gz" / "e.csv.gz").write_bytes(gzip.compress(text.read_bytes()))
    pd.read_csv(text, dtype={"item_id": str}).to_parquet(tmp_path / "e.parquet")
    for name in ("e.csv", "gz", "gz/e.csv.gz", "e.parquet"):
        found = read_panel(f"file://{tmp_path}/{name}")
        assert pairs(found) == pairs(panel), name
    part = tmp_path / "hive" / "category=007" / "0.parquet"
    part.parent.mkdir(parents=True)
    pd.DataFrame({"user_id": [1], "item_id": ["a"]}).to_parquet(part)
    assert read_panel(f"file://{tmp_path}/hive").categories == ("007",)
    with pytest.raises(InvalidDataError, match="there is no file or folder 'file://"):
        read_panel(f"file://{tmp_path}/none.csv")
