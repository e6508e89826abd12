"""``tastebridge fit --source-model`` and ``--target-model``: models trained elsewhere, from files."""

import numpy as np
import pandas as pd
import pytest

import tastebridge as tb
from contracts.shell import run
from tastebridge.datasets import make_panel
from tastebridge.factors import ALSFactors, PretrainedFactors, write_vectors

PANEL, _ = make_panel(n_users=400, n_items=40, random_state=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A table of events, and for each category the vectors of a model as Parquet and as implicit's file."""
    folder = tmp_path_factory.mktemp("given")
    PANEL.to_frame().to_parquet(folder / "events.parquet")
    for name in PANEL.categories:
        Y = ALSFactors(6).fit(PANEL[name].matrix).item_factors_
        ids = PANEL[name].items.ids
        write_vectors(PretrainedFactors(ids, Y, 0.1, 5.0), folder / f"{name}.parquet")
        np.savez(folder / f"{name}.npz", items=ids.astype(str), item_factors=Y, regularization=0.1, alpha=5.0)
    return folder


def fit(folder, output, *options):
    return run("fit", folder / "events.parquet", "-t", "films", "-o", folder / output, *options)


def test_a_model_of_files_is_that_of_python(folder):
    code, out, _ = fit(
        folder, "both", "--source-model", f"books={folder}/books.npz",
        "--target-model", f"films={folder}/films.parquet",
    )  # fmt: skip
    assert code == 0
    assert "Fitted in" in out
    loaded = tb.load(folder / "both")
    books, films = (tb.factors.read_factors(folder / f"{name}.parquet") for name in ("books", "films"))
    mapper = tb.InterestMapper("films", source_models={"books": books}, target_model=films).fit(PANEL)
    assert loaded.recommend_from(PANEL[:30]).equals(mapper.recommend_from(PANEL[:30]))
    np.testing.assert_array_equal(loaded.item_vectors().vectors, np.float32(films.factors))
    code, *_ = run(
        "recommend", folder / "both", folder / "events.parquet", "-o", folder / "out.parquet", "-n", 3
    )
    assert code == 0
    assert len(pd.read_parquet(folder / "out.parquet")) == 3 * len(PANEL)


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (["--source-model", "books"], 2, "must be like books=books.parquet"),
        (["--source-model", "books=nothing.parquet"], 1, "there is nothing at 'nothing.parquet'"),
        (["--source-model", "book={}/books.parquet"], 1, "Did you mean 'books'"),
        (["--source-model", "books={}/books.npz", "--source-model", "books={}/books.npz"], 2, "twice"),
        (["--source-model", "books={}/events.parquet"], 1, "0 of lists"),
        (["--target-model", "books={}/books.parquet"], 2, "models of targets"),
        (["--target-model", "films={}/books.parquet"], 1, "no vector for any item of 'films'"),
        (["--source-model", "books={}/books.npz", "--feedback", "explicit"], 2, "has no effect"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_files_that_cannot_be_used_are_one_line(folder, options, code, told):
    done, _, errors = fit(folder, "never", *(word.replace("{}", str(folder)) for word in options))
    assert told in " ".join(errors.split())
    assert done == code
    assert not (folder / "never").exists()
    # errors name options, never parameters of Python
    assert "source_models" not in errors
    assert "target_model" not in errors


def test_models_of_several_targets_are_those_of_python(folder):
    code, _, errors = run(
        "fit", folder / "events.parquet", "-t", "all", "-o", folder / "every",
        "--source-model", f"books={folder}/books.parquet",
        "--target-model", f"films={folder}/films.parquet", "--target-model", f"books={folder}/books.parquet",
    )  # fmt: skip
    assert code == 0, errors
    loaded = tb.load(folder / "every")
    books, films = (tb.factors.read_factors(folder / f"{name}.parquet") for name in ("books", "films"))
    spaces = {"films": films, "books": books}
    mapper = tb.InterestMapper("all", source_models={"books": books}, target_model=spaces).fit(PANEL)
    assert loaded.recommend_from(PANEL[:30]).equals(mapper.recommend_from(PANEL[:30]))
    code, *_ = run(
        "recommend", folder / "every", folder / "events.parquet", "-o", folder / "films.csv", "-n", 3,
        "--category", "films",
    )  # fmt: skip
    assert code == 0
    assert len(pd.read_csv(folder / "films.csv")) == 3 * len(PANEL)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--target-model", "film={}/films.parquet"], "Did you mean 'films'"),
        (["--target-model", "books={}/films.parquet"], "--target-model books has no vector for any item"),
        (["--target-model", "books={}/books.npz", "--target-model", "books={}/books.npz"], "'books' twice"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_models_of_several_targets_that_cannot_be_used_are_one_line(folder, options, told):
    words = (word.replace("{}", str(folder)) for word in options)
    code, _, errors = run("fit", folder / "events.parquet", "-t", "all", "-o", folder / "never", *words)
    assert code in (1, 2)
    assert told in " ".join(errors.split())
    assert "target_model" not in errors
    assert not (folder / "never").exists()


def test_the_file_of_a_model_is_not_overwritten(folder):
    code, _, errors = run(
        "fit", folder / "events.parquet", "-t", "films", "-o", folder / "books.parquet",
        "--source-model", f"books={folder}/books.parquet",
    )  # fmt: skip
    assert code != 0
    assert "model of books" in " ".join(errors.split())
