"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

_COLUMNS = "Columns (those of common names are recognised)"


Duplicates = Literal["sum", "max", "last", "count"]
"""What the weight of a user and an item that meet in several rows is."""


Feedback = Annotated[
    Literal["implicit", "explicit"],
    typer.Option("--feedback", help="explicit: weights are ratings, to be predicted."),
]


def _column(name: str, what: str) -> typer.models.OptionInfo:
    text = f"Column of {what}."
    option: typer.models.OptionInfo = typer.Option(
        f"--{name}-column", metavar="NAME", help=text, rich_help_panel=_COLUMNS, show_default=False
    )
    return option


Events = Annotated[
    Path,
    typer.Argument(
        metavar="EVENTS",
        help="Table of events: .parquet, .csv, .tsv (also .gz), or a folder of Parquet.",
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
        help="File to write (.parquet or .csv), or a folder of Parquet parts.",
        show_default=False,
    ),
]
Memory = Annotated[
    str, typer.Option("--memory", metavar="SIZE", help="Bound on memory, such as 2GB or 500MB.")
]
Jobs = Annotated[int, typer.Option("--jobs", min=1, help="Threads to work with.")]
Restart = Annotated[bool, typer.Option("--restart", help="Remove what an earlier run left, and begin anew.")]
Target = Annotated[
    str, typer.Option("--target", "-t", metavar="CATEGORY", help="Recommend in it.", show_default=False)
]
Targets = Annotated[
    list[str],
    typer.Option(
        "--target",
        "-t",
        metavar="CATEGORY",
        help="Recommend in it; repeat it for several, or say all.",
        show_default=False,
    ),
]
Category = Annotated[
    str | None,
    typer.Option("--category", metavar="CATEGORY", help="Which target, of a model of several."),
]
Sources = Annotated[
    list[str] | None,
    typer.Option(
        "--source",
        "-s",
        metavar="CATEGORY",
        help="Learn from it; repeat it for several. All others by default.",
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
        help="Worth of a type of event, such as purchase=5; repeat it for every type.",
        rich_help_panel=_COLUMNS,
    ),
]
Repeats = Annotated[
    Duplicates,
    typer.Option("--duplicates", help="Weight of a pair in several rows.", rich_help_panel=_COLUMNS),
]
