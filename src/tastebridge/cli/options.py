"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

_COLUMNS = "Columns (common names are recognised)"


Duplicates = Literal["sum", "max", "last", "count"]
"""The weight of a pair of user and item that appears in several rows."""


Feedback = Annotated[
    Literal["implicit", "explicit"],
    typer.Option("--feedback", help="explicit: weights are ratings to predict."),
]


def _column(name: str, content: str) -> typer.models.OptionInfo:
    text = f"Column of {content}."
    option: typer.models.OptionInfo = typer.Option(
        f"--{name}-column", metavar="NAME", help=text, rich_help_panel=_COLUMNS, show_default=False
    )
    return option


Events = Annotated[
    Path,
    typer.Argument(
        metavar="EVENTS",
        help="Table of events: Parquet, CSV or other text, JSON lines (also .gz, .zst, .zip), Excel; a "
        "folder or pattern of them, an address such as s3://…, or - for the standard input.",
        show_default=False,
    ),
]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="Folder that `fit` wrote.", show_default=False)]
Output = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="OUT",
        help="File (.parquet or .csv), folder of Parquet parts, or - for CSV on the standard output.",
        show_default=False,
    ),
]
Memory = Annotated[
    str, typer.Option("--memory", metavar="SIZE", help="Bound on memory, such as 2GB or 500MB.")
]
Jobs = Annotated[int, typer.Option("--jobs", min=1, help="Number of threads.")]
Twins = Annotated[
    Literal["leave-out", "keep"],
    typer.Option(
        "--twins",
        help="Whether lists hold twins of items a user has: the same product under another id.",
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace a finished output.", rich_help_panel="Running as a job")
]
Stamp = Annotated[
    bool,
    typer.Option(
        "--stamp",
        help="Add the columns model (its fingerprint) and made_at (time in UTC) to each row.",
        rich_help_panel="Running as a job",
    ),
]
Users = Annotated[
    Path | None,
    typer.Option(
        "--users",
        metavar="FILE",
        help="Table with the column user_id: these users only, instead of all in EVENTS.",
        show_default=False,
    ),
]
Restart = Annotated[
    bool, typer.Option("--restart", help="Remove the files of an earlier run and start again.")
]
Target = Annotated[
    str,
    typer.Option("--target", "-t", metavar="CATEGORY", help="The target category.", show_default=False),
]
Targets = Annotated[
    list[str],
    typer.Option(
        "--target",
        "-t",
        metavar="CATEGORY",
        help="The target category; repeat it for several, or use 'all'.",
        show_default=False,
    ),
]
Category = Annotated[
    str | None,
    typer.Option("--category", metavar="CATEGORY", help="The target, if the model has several."),
]
Sources = Annotated[
    list[str] | None,
    typer.Option(
        "--source",
        "-s",
        metavar="CATEGORY",
        help="Category to learn from; repeat it for several. All others by default.",
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same result.")]
UserColumn = Annotated[str | None, _column("user", "users")]
ItemColumn = Annotated[str | None, _column("item", "items")]
CategoryColumn = Annotated[str | None, _column("category", "categories")]
WeightColumn = Annotated[str | None, _column("weight", "weights or ratings")]
TimeColumn = Annotated[str | None, _column("time", "times")]
EventColumn = Annotated[str | None, _column("event", "types of event")]
EventWeights = Annotated[
    list[str] | None,
    typer.Option(
        "--event-weight",
        metavar="TYPE=NUMBER",
        help="Weight of a type of event, such as purchase=5; repeat it. With fit also 'auto'.",
        rich_help_panel=_COLUMNS,
    ),
]
Repeats = Annotated[
    Duplicates,
    typer.Option("--duplicates", help="Weight of a pair in several rows.", rich_help_panel=_COLUMNS),
]
