"""Tables at ``s3://``, from a server on this machine: read as from the disk, and no secret is shown."""

import gzip
import io
import json
import logging
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.fs as pafs
import pytest

from contracts.shell import run
from tastebridge import InterestMapper, read_panel
from tastebridge.batch import recommend_all
from tastebridge.batch.recommending import _read_whole
from tastebridge.data import ReadingOptions
from tastebridge.exceptions import DataWarning, InvalidDataError, InvalidParameterError, ModelFileError
from tastebridge.loading import load

moto = pytest.importorskip("moto.server", reason="the server of s3 needs moto: pip install 'moto[server]'")
KEY, SECRET = "AKIATASTE17", "s3cr3t/t4ste+17"


@pytest.fixture(scope="module")
def log():
    rng = np.random.default_rng(0)
    rows = [
        (f"u{user}", f"{category}{user % 3 * 10 + item}", category)
        for user in range(120)
        for category in ("books", "films")
        for item in rng.choice(10, 5, replace=False)
    ]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "category"])
    return frame.assign(timestamp=1_500_000_000 + frame.index)


@pytest.fixture(scope="module")
def at(log, tmp_path_factory):
    """Return a function from the name of a file in the bucket to its address."""
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    place = "{}:{}".format(*server.get_host_and_port())
    options = f"scheme=http&endpoint_override={place}&region=eu-west-1"
    system = pafs.S3FileSystem(
        access_key=KEY,
        secret_key=SECRET,
        endpoint_override=place,
        scheme="http",
        region="eu-west-1",
        allow_bucket_creation=True,
    )
    system.create_dir("shop")
    for name, content in files(log).items():
        with system.open_output_stream(f"shop/{name}", compression=None) as out:
            out.write(content)
    yield lambda name, bucket="shop", more="": f"s3://{KEY}:{SECRET}@{bucket}/{name}?{options}{more}"
    server.stop()


def parquet(frame):
    out = io.BytesIO()
    frame.to_parquet(out, index=False)
    return out.getvalue()


def files(log):
    text = log.to_csv(index=False).encode()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("log.csv", text)
    made = {
        "log.csv": text,
        "my log.csv": text,
        "log.csv.gz": gzip.compress(text),
        "log.csv.zip": archive.getvalue(),
        "log.jsonl": log.to_json(orient="records", lines=True).encode(),
        "log.parquet": parquet(log),
        "empty.csv": b"",
        "halves/_SUCCESS": b"",
        # times stand in the later part alone
        "halves/0.parquet": parquet(log[:500].drop(columns="timestamp")),
        "halves/1.parquet": parquet(log[500:]),
        "users.csv": log[["user_id"]].drop_duplicates()[:9].to_csv(index=False).encode(),
        "films.csv": log[log.category == "films"][["item_id"]]
        .drop_duplicates()
        .assign(plot=lambda frame: [f"words of {len(item)} and {item[-1]}x" for item in frame.item_id])
        .to_csv(index=False)
        .encode(),
        "items.csv": log[["item_id", "category"]].drop_duplicates().to_csv(index=False).encode(),
    }
    for name, part in log.groupby("category"):
        made[f"shelf/{name}.csv"] = part.drop(columns="category").to_csv(index=False).encode()
        made[f"shelves/{name}.parquet"] = parquet(part.drop(columns="category"))
        made[f"hive/category={name}/0.parquet"] = parquet(part.drop(columns="category"))
    return made


def events(panel):
    columns = ["user_id", "item_id", "category"]
    return panel.to_frame()[columns].astype(str).sort_values(columns).reset_index(drop=True)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("log.csv", {}),
        ("my log.csv", {}),
        ("log.csv.gz", {}),
        ("log.csv.zip", {}),
        ("log.jsonl", {}),
        ("log.parquet", {}),
        ("lo*.parquet", {}),
        ("*g.csv.gz", {}),
        ("hive", {}),
        ("hive/category=*/*.parquet", {}),
        ("shelf", {"category_from_name": True}),
        ("shelf/*.csv", {"category_from_name": True}),
        ("shelves", {"category_from_name": True}),
        ("[s]helves/*", {"category_from_name": True}),
    ],
)
def test_every_layout_is_read_as_from_the_disk(at, log, name, options, caplog):
    with caplog.at_level(logging.DEBUG, "tastebridge"):
        panel = read_panel(at(name), **options)
    pd.testing.assert_frame_equal(events(panel), events(read_panel(log)))
    shown = "".join([*panel.cleaning.notes, repr(panel), str(panel.cleaning), caplog.text])
    assert KEY not in shown
    assert SECRET not in shown
    assert caplog.records


@pytest.mark.parametrize("name", ["halves", "ha*"])
def test_a_column_of_a_later_part_is_kept(at, name):
    with pytest.warns(DataWarning) as told:
        read_panel(at(name))
    assert any("500 with missing times" in str(one.message) for one in told)


def clean(outcome, *places):
    """Check that nothing that was shown or written holds a secret; return the exit code and the errors."""
    code, output, errors = outcome
    shown = output + errors
    for place in places:
        for path in [place] if place.is_file() else [one for one in place.rglob("*") if one.is_file()]:
            content = path.read_bytes()
            shown += content.decode("latin-1")
            shown += gzip.decompress(content).decode("latin-1") if path.suffix == ".gz" else ""
    for part in (KEY, SECRET, SECRET.replace("/", "%2F").replace("+", "%2B"), SECRET.split("/")[0]):
        assert part not in shown
    return code, errors


def test_fit_and_recommend_give_the_lists_of_files_on_the_disk(at, log, tmp_path):
    for name in ("log.csv", "log.parquet", "users.csv", "films.csv"):
        (tmp_path / name).write_bytes(files(log)[name])
    lists = {}
    for kind, place in (("disk", lambda name: str(tmp_path / name)), ("s3", at)):
        model, summary = tmp_path / f"model-{kind}", tmp_path / f"{kind}.json"
        asked = ["--features", f"films={place('films.csv')}:plot", "--summary", str(summary)]
        done = run("fit", place("log.csv"), "-t", "films", "-o", str(model), *asked)
        assert clean(done, model, summary)[0] == 0, done
        out = tmp_path / f"{kind}.csv"
        done = run(
            "recommend",
            str(model),
            place("log.parquet"),
            "-o",
            str(out),
            "--users",
            place("users.csv"),
            "--stamp",
        )
        assert clean(done, out)[0] == 0, done
        lists[kind] = pd.read_csv(out).drop(columns=["made_at", "model"])
        report = tmp_path / f"{kind}.html"
        done = run("report", str(model), place("log.csv"), "-o", str(report), "--overwrite")
        assert clean(done, report)[0] == 0, done
    pd.testing.assert_frame_equal(lists["s3"], lists["disk"])
    assert lists["s3"].user_id.nunique() == 9
    told = json.loads((tmp_path / "s3.json").read_text())
    assert told["counts"]["events"] == len(log)


def test_a_table_of_items_may_be_there_too(at, tmp_path):
    model = tmp_path / "model"
    done = run("fit", at("log.csv"), f"--items={at('items.csv')}", "-t", "books", "-o", str(model))
    assert clean(done, model)[0] == 0, done


def test_a_finished_folder_is_known_again_and_a_changed_file_is_not(at, log, tmp_path):
    mapper = InterestMapper("films", random_state=0).fit(read_panel(log))
    first = recommend_all(mapper, at("hive"), tmp_path / "out")
    assert recommend_all(mapper, at("hive"), tmp_path / "out") == first
    told = pytest.warns(DataWarning, match="'timestamp' is missing in 1 of 2 files")
    with told, pytest.raises(Exception, match="the events changed"):
        recommend_all(mapper, at("halves"), tmp_path / "out")


def test_the_size_of_text_is_known_before_it_is_read(at, log):
    size = _read_whole(Path(at("log.csv")), ReadingOptions())
    assert size == len(files(log)["log.csv"])
    assert _read_whole(Path(at("log.csv.gz")), ReadingOptions()) > size / 4
    assert _read_whole(Path(at("log.parquet")), ReadingOptions()) == 0


@pytest.mark.parametrize(
    ("name", "bucket", "more", "told"),
    [
        ("none.csv", "shop", "", "there is no file or folder 's3://…@shop/none.csv"),
        ("none*.csv", "shop", "", "no file matches"),
        ("log.csv", "shops", "", "there is no file or folder 's3://…@shops/log.csv"),
        ("empty.csv", "shop", "", "is an empty file"),
        ("log.csv", "shop", "&bogus=1", "cannot be reached: Unexpected query parameter"),
        ("log.csv", "shop", "&endpoint_override=127.0.0.1:9", "cannot be reached: "),
    ],
)
def test_errors_are_one_line_without_secrets(at, name, bucket, more, told, tmp_path):
    address = at(name, bucket, more)
    if "endpoint" in more:  # the last one counts: nothing answers there
        address = address.replace(address.partition("endpoint_override=")[2].partition("&")[0], "127.0.0.1:9")
    done = run(
        "fit", address, "-t", "films", "-o", str(tmp_path / "m"), "--summary", str(tmp_path / "s.json")
    )
    code, errors = clean(done, tmp_path)
    assert code == 1
    assert len(errors.strip().splitlines()) == 1
    assert told in errors
    with pytest.raises(InvalidDataError) as caught:
        read_panel(address)
    assert SECRET not in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_an_address_of_a_message_asks_for_its_credentials():
    with pytest.raises(InvalidDataError, match="AWS_ACCESS_KEY_ID"):
        read_panel("s3://…@elsewhere/log.csv?region=eu-west-1")


def test_results_and_models_at_addresses_are_refused_by_name(tmp_path, log, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log.to_csv("log.csv", index=False)
    mapper = InterestMapper("films", random_state=0).fit(read_panel("log.csv"))
    mapper.save("model")
    kept = sorted(Path().rglob("*"))
    place = f"s3://{KEY}:{SECRET}@shop/out"
    for words in (
        ["fit", "log.csv", "-t", "films", "-o", place],
        ["recommend", "model", "log.csv", "-o", place],
        ["recommend", "model", "log.csv", "-o", f"{place}.csv"],
        ["vectors", "model", "-o", place],
        ["report", "model", "-o", f"{place}.html"],
        ["update", "model", "log.csv", "-o", place],
        ["evaluate", "log.csv", "-t", "films", "--write-split", place],
        ["fit", "log.csv", "-t", "films", "-o", "other", "--summary", f"{place}.json"],
        ["recommend", place, "log.csv", "-o", "lists.csv"],
    ):
        done = run(*words)
        code, errors = clean(done)
        assert code in (1, 2), words
        assert "is an address" in errors, errors
    with pytest.raises(InvalidParameterError, match="is an address"):
        mapper.save(place)
    with pytest.raises(ModelFileError, match="is an address"):
        load(place)
    assert sorted(Path().rglob("*")) == kept
