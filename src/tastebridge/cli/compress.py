"""``tastebridge compress``: a smaller model, and its loss of accuracy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from tastebridge._foundation.nouns import with_article
from tastebridge.cli import options
from tastebridge.cli.events import Table
from tastebridge.cli.needless import reading_without_events, refuse_needless
from tastebridge.cli.new_model import NewModel, writes_model
from tastebridge.cli.reading import Reading, reads_events
from tastebridge.cli.record import record
from tastebridge.cli.screen import compression_table, screen
from tastebridge.exceptions import InvalidParameterError
from tastebridge.loading import load
from tastebridge.recommenders.interest_mapper import InterestMapper


@reads_events
@writes_model
def compress(
    reading: Reading,
    model: options.Model,
    place: NewModel,
    events: Annotated[
        Path | None,
        typer.Argument(
            metavar="[EVENTS]",
            help="Events for the evaluation; required if the model holds no users.",
            show_default=False,
        ),
    ] = None,
    components: Annotated[
        int | None,
        typer.Option("--components", "-k", help="Width of the vectors; unchanged by default."),
    ] = None,
    dtype: Annotated[
        Literal["float16", "int8", "float32"], typer.Option(help="Type of the stored matrices.")
    ] = "float16",
) -> None:
    """Make a model smaller, and measure the loss of accuracy.

    Both models rank items for the same users. EVENTS, ideally held out of
    the fit, contain the target items to be found.

    [bold]Examples[/bold]
      tastebridge compress model held_out.parquet -o small -k 128 --dtype int8
    """
    if events is None:
        refuse_needless("without EVENTS", reading_without_events(reading))
    key = place.checked_key(model, events=events)
    mapper = load(model, key=key)
    if not isinstance(mapper, InterestMapper):
        raise InvalidParameterError(
            f"{with_article(mapper)} cannot be compressed; only an InterestMapper can."
        )
    held_out = None if events is None else Table(events, reading).read(mapper)
    small = mapper.compress(components, dtype, events=held_out)
    # under the key that opened it: a copy of an encrypted model must not be readable by anyone
    small.save(place.output, with_users=small.panel_ is not None, key=key)
    record().add_model(small, place.output)
    screen().print(compression_table(small.compression_))
    first = small.compression_.iloc[0]
    screen().print(
        f"{first['components_before']:,} components and {first['bytes_before'] / 2**20:.1f} MB became "
        f"{first['components']:,} and {first['bytes'] / 2**20:.1f} MB, evaluated on {first['judged_on']}. "
        f"The model is in {place.output}.",
        soft_wrap=True,
    )
