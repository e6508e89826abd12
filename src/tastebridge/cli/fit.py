"""``tastebridge fit``: a table of events to a saved model."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
import typer

from tastebridge._foundation.validation import check_category
from tastebridge.batch.inputs import refuse_inputs
from tastebridge.cli import options
from tastebridge.cli.events import Table
from tastebridge.cli.features import Features, StopWords, describe, inputs_of, stop_words_of, tables_of
from tastebridge.cli.given_models import SourceModels, TargetModels, model_files
from tastebridge.cli.keys import KeyFile, check_encryption, key_of
from tastebridge.cli.list_options import Groups, groups_of
from tastebridge.cli.needless import refuse_needless
from tastebridge.cli.output import refuse_finished
from tastebridge.cli.ratings import errors_table, once
from tastebridge.cli.reading import Reading, reads_events
from tastebridge.cli.record import record
from tastebridge.cli.screen import in_time_lines, overview_table, screen, transfer_table
from tastebridge.cli.weights import AUTO, WeightingOption, weighting_of, weights_line, with_chosen_events
from tastebridge.data import Panel
from tastebridge.data.item_groups import read_item_groups
from tastebridge.exceptions import InvalidParameterError
from tastebridge.online.in_time_figures import share_sentences
from tastebridge.online.twin_figures import twin_sentences
from tastebridge.persist import check_free
from tastebridge.recommenders.interest_mapper import InterestMapper
from tastebridge.recommenders.multi_target.targets import ALL
from tastebridge.recommenders.rating_mapper import RatingMapper


@reads_events
def fit(
    reading: Reading,
    events: options.Events,
    target: options.Targets,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="MODEL", help="Folder to write.", show_default=False)
    ],
    source: options.Sources = None,
    features: Features = None,
    source_model: SourceModels = None,
    target_model: TargetModels = None,
    stop_words: StopWords = "english",
    n_components: Annotated[
        int | None,
        typer.Option("--n-components", min=1, help="Maximum rank; chosen from the data by default."),
    ] = None,
    time_budget: Annotated[
        float | None,
        typer.Option(
            "--time-budget",
            metavar="SECONDS",
            help="Use only routes whose estimated fit time is within this; all routes by default.",
        ),
    ] = None,
    bridge: Annotated[
        Literal["auto", "users", "items", "features"],
        typer.Option(
            "--bridge",
            help="Bridge between categories: shared users, shared item ids, or shared features.",
        ),
    ] = "auto",
    recency: Annotated[
        bool,
        typer.Option("--recency", help="Give older events less weight, if that predicts later ones better."),
    ] = False,
    weighting: WeightingOption = "auto",
    feedback: options.Feedback = "implicit",
    rank_by: Annotated[
        Literal["rating", "preference"],
        typer.Option("--rank-by", help="With explicit feedback: the order of recommendations."),
    ] = "rating",
    with_users: Annotated[
        bool, typer.Option("--with-users", help="Keep the users and their histories in the model.")
    ] = False,
    updatable: Annotated[
        bool,
        typer.Option("--updatable", help="Keep the sums for `update` and `forget`, without users."),
    ] = False,
    key_file: KeyFile = None,
    overwrite: options.Overwrite = False,
    seed: options.Seed = 0,
    groups: Groups = None,
) -> None:
    """Learn to recommend in a category from users' histories in the others.

    Shows the content of the table and the rows left out, fits the model,
    shows which sources help, and writes a model without users.

    [bold]Examples[/bold]
      tastebridge fit events.parquet --target sport -o model
      tastebridge fit log.csv -t films -s books -s music -o model
      tastebridge fit log.csv -t films -t books -o model
      tastebridge fit log.csv -t all -o model
      tastebridge fit log.csv -t films -o model --features films=films.parquet
      tastebridge fit log.csv -t films -o model --source-model books=books.parquet
      tastebridge fit log.csv -t films -o model --target-model films=films.parquet
      tastebridge fit log.csv -t all -o model --target-model films=films.parquet
      tastebridge fit log.csv -t films -o model --user-column buyer
      tastebridge fit log.csv -t films -o model --event-weight buy=5
      tastebridge fit log.csv -t films -o model --event-weight auto
      tastebridge fit stars.csv -t films -o model --feedback explicit
      tastebridge fit log.csv -t films -o model --with-users --key-file my.key
    """
    explicit = feedback == "explicit"
    unused = {"--time-budget": time_budget is not None, "--recency": recency, "--features": bool(features)}
    unused |= {"--source-model": bool(source_model), "--target-model": bool(target_model)}
    unused |= {"--weighting": weighting != AUTO, "--bridge": bridge != "auto"}
    if explicit:
        refuse_needless("with --feedback explicit", unused)
    else:
        refuse_needless("without --feedback explicit", {"--rank-by": rank_by != "rating"})
    chosen_events = ""
    if not explicit:
        Table(events, reading).check()
        reading, chosen_events = with_chosen_events(reading, events, target)
    table = Table(events, once(reading, explicit))
    key, tables, left_out = key_of(key_file), tables_of(features), stop_words_of(stop_words)
    if not features:
        refuse_needless("without --features", {"--stop-words": stop_words != "english"})
    trained = model_files(source_model, target_model, target)
    named = inputs_of(tables) | trained.inputs
    # all that can be wrong with the output, before hours of fitting
    refuse_inputs(output, events=events, key=key_file, groups=groups, **named)
    check_free(output)
    refuse_finished(output, overwrite)
    check_encryption(key)
    models = trained.source_models(), trained.target_models()
    labels = groups_of(groups, reading.columns.get("item_id"))
    panel, out = table.read(), screen()
    if labels is not None:
        read_item_groups(labels, {name: panel[name].items for name in panel.categories})
    out.print(overview_table(panel, target[0], out))
    out.print(f"\n{panel.cleaning}\n")
    if chosen_events:
        out.print(f"{chosen_events}\n", soft_wrap=True)
    panel, described = describe(panel, tables, reading.columns.get("item_id"), left_out)
    for line in described:
        out.print(line, soft_wrap=True)
    wanted = _wanted(target, panel)
    mapper: InterestMapper | RatingMapper
    if explicit:
        mapper = RatingMapper(_single(wanted), source, rank_by, n_components or 8, random_state=seed)
    else:
        mapper = InterestMapper(
            wanted,
            source,
            n_components=n_components,
            weighting=weighting_of(weighting),
            time_budget=time_budget,
            bridge=bridge,
            recency="auto" if recency else None,
            random_state=seed,
            verbose=out.is_terminal and record().shows_progress,
            source_models=models[0],
            target_model=models[1],
        )
    start = time.perf_counter()
    mapper.fit(panel)
    seconds = time.perf_counter() - start
    if labels is not None:
        mapper.set_item_groups(labels)
    mapper.save(output, with_users=with_users, updatable=updatable, key=key)
    record().add_model(mapper, output)
    record().add(fit_seconds=round(seconds, 3))
    if isinstance(mapper, RatingMapper):
        out.print(errors_table(mapper.errors_, mapper.target))
    if not explicit or rank_by == "preference":
        for name, rows in _by_target(mapper):
            out.print(transfer_table(rows, name))
            for line in twin_sentences(mapper.targets_[name]):
                out.print(line)
            for line in in_time_lines(mapper.targets_[name].findings.get("accuracy"), name):
                out.print(line, soft_wrap=True)
            for line in share_sentences(mapper.targets_[name]):
                out.print(line, soft_wrap=True)
    if isinstance(mapper, InterestMapper) and (said := weights_line(mapper, panel, weighting)):
        out.print(f"\n{said}", soft_wrap=True)
    if recency:
        out.print(f"\n{_aging(mapper.weighting_.half_life, len(mapper.recency_))}", soft_wrap=True)
    content = "with its users" if with_users else "no user in it"
    content += ", encrypted" if key else ""
    out.print(
        f"\nFitted in {seconds:.1f} s. The model is in {output} ({_size(output)}, {content}).", soft_wrap=True
    )
    out.print("\nNext:")
    # with the reading options of this call, so that the command works as it stands
    command = f"  tastebridge recommend {shlex.quote(str(output))} {table.words} -o recommendations.csv"
    command += f" --key-file {shlex.quote(str(key_file))}" if key_file else ""
    out.print(command, soft_wrap=True, style="cyan")


def _aging(half_life: float | None, n_tried: int) -> str:
    if not n_tried:
        return "Older events keep their weight: too few users have late events for a test."
    if half_life is None:
        return "Older events keep their weight: less weight is not significantly better."
    return f"The weight of an event halves every {half_life:,.0f} days."


def _wanted(given: list[str], panel: Panel) -> str | list[str]:
    """Return the target category or categories; ``all`` means all of them."""
    # a category that is really called "all" wins
    if given == [ALL] and ALL not in panel.categories:
        return ALL
    found = [check_category("--target", name, panel.categories) for name in given]
    return found[0] if len(found) == 1 else found


def _single(wanted: str | list[str]) -> str:
    if isinstance(wanted, str) and wanted != ALL:
        return wanted
    raise InvalidParameterError("--feedback explicit takes one --target. Fit a model for each category.")


def _by_target(mapper: InterestMapper | RatingMapper) -> list[tuple[str, pd.DataFrame]]:
    """Return the table of sources of every target."""
    if "target" not in mapper.transfer_:
        return [(str(mapper.target), mapper.transfer_)]
    return [(str(name), table) for name, table in mapper.transfer_.groupby("target", sort=False)]


def _size(folder: Path) -> str:
    size = sum(path.stat().st_size for path in folder.iterdir())
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.0f} kB"
