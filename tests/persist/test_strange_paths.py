"""Paths that no file can have, links in a circle, and folders that may not be looked into: one error each."""

import os
import sys
from pathlib import Path

import pytest

import tastebridge as tb
from tastebridge.batch import recommend_all
from tastebridge.datasets import make_panel
from tastebridge.exceptions import InvalidDataError, TastebridgeError

STRANGE = ["a\0b", "a\udc80b", "x" * 400, "x" * 5000]


@pytest.fixture(scope="module")
def panel():
    return make_panel(60, 15, random_state=1)[0]


@pytest.fixture(scope="module")
def model(panel):
    return tb.Popularity("films").fit(panel)


@pytest.mark.parametrize("name", STRANGE)
def test_a_path_that_no_file_can_have_is_refused(model, panel, tmp_path, name):
    path = f"{tmp_path}/{name}"
    panel.to_frame().to_parquet(tmp_path / "events.parquet")
    for call in (
        lambda: model.save(path),
        lambda: tb.load(path),
        lambda: tb.read_panel(path),
        lambda: recommend_all(model, path, tmp_path / "lists.parquet"),
        lambda: recommend_all(model, tmp_path / "events.parquet", f"{path}.parquet"),
    ):
        with pytest.raises(TastebridgeError):
            call()
    assert [one.name for one in tmp_path.iterdir()] == ["events.parquet"]


def test_links_in_a_circle_and_links_to_nothing_are_refused(model, panel, tmp_path):
    events, circle = tmp_path / "events.parquet", tmp_path / "one.csv"
    panel.to_frame().to_parquet(events)
    circle.symlink_to(tmp_path / "two.csv")
    (tmp_path / "two.csv").symlink_to(circle)
    (tmp_path / "nothing.csv").symlink_to(tmp_path / "gone.csv")
    for call in (
        lambda: model.save(circle / "model"),
        lambda: tb.load(circle),
        lambda: recommend_all(model, events, circle / "lists.parquet"),
    ):
        with pytest.raises(TastebridgeError):
            call()
    for name in ("one.csv", "nothing.csv", "*.csv"):
        with pytest.raises(InvalidDataError, match="there is no file or folder"):
            tb.read_panel(tmp_path / name)


@pytest.mark.skipif(sys.platform == "win32", reason="rights of POSIX")
def test_a_folder_that_may_not_be_looked_into_is_one_error(model, panel, tmp_path, monkeypatch):
    closed, events = tmp_path / "closed", tmp_path / "events.parquet"
    closed.mkdir()
    panel.to_frame().to_parquet(events)
    _close(monkeypatch, closed)
    for call in (
        lambda: tb.load(closed / "model"),
        lambda: tb.read_panel(closed / "events.parquet"),
        lambda: recommend_all(model, closed / "events.parquet", tmp_path / "lists.parquet"),
        lambda: recommend_all(model, events, closed / "lists.parquet"),
    ):
        with pytest.raises(TastebridgeError, match="Permission denied"):
            call()


def _close(monkeypatch, folder):
    """Let the system refuse every look into a folder; its rights do not bind the superuser."""
    stat = Path.stat

    def refused(self, *args, **kwargs):
        if folder in self.parents:
            raise PermissionError(13, os.strerror(13), str(self))
        return stat(self, *args, **kwargs)

    monkeypatch.setattr(Path, "stat", refused)
