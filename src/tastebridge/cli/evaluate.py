"""``tastebridge evaluate``: the accuracy of recommendations to new users, compared with baselines."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from tastebridge._foundation.validation import check_category, check_choice
from tastebridge.cli import options
from tastebridge.cli.contest import MODELS, Choices, contest
from tastebridge.cli.events import Table
from tastebridge.cli.features import Features, StopWords, describe, inputs_of, stop_words_of, tables_of
from tastebridge.cli.finished import (
    RecommendationFiles,
    SplitFolder,
    check_folder,
    files_of,
    named_paths,
    write_split,
)
from tastebridge.cli.needless import refuse_needless
from tastebridge.cli.output import check_output, place_of, write_table
from tastebridge.cli.ratings import once, rating_contest, rating_table
from tastebridge.cli.reading import Reading, reads_events
from tastebridge.cli.record import record
from tastebridge.cli.screen import overview_table, results_table, screen
from tastebridge.cli.weights import AUTO, WeightingOption, weighting_of, weights_line
from tastebridge.data import Panel
from tastebridge.evaluation.beyond import NamedMetrics
from tastebridge.exceptions import InvalidDataError
from tastebridge.recommenders.interest_mapper import InterestMapper
from tastebridge.routes.twins import WITHOUT
from tastebridge.splits import Split, cold_users, entrants
from tastebridge.splits.time import said

RANDOM, ENTRANTS = "random", "entrants"


@reads_events
def evaluate(
    reading: Reading,
    events: options.Events,
    target: options.Target,
    source: options.Sources = None,
    features: Features = None,
    stop_words: StopWords = "english",
    test_size: Annotated[
        float,
        typer.Option(
            "--test-size",
            min=0.01,
            max=0.9,
            help="Share of the linked users to hold out; with entrants, of the events to hold out.",
        ),
    ] = 0.2,
    split: Annotated[
        str,
        typer.Option(
            "--split",
            metavar="random|entrants",
            help="Users drawn at random, or users who enter the category later.",
        ),
    ] = RANDOM,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric", "-m", metavar="NAME@K", help="Such as recall@20; ndcg@10 and hr@10 by default."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="Also write the figures: .parquet, .csv, or - for CSV on the standard output.",
        ),
    ] = None,
    recommendations: RecommendationFiles = None,
    write_split_to: SplitFolder = None,
    weighting: WeightingOption = "auto",
    feedback: options.Feedback = "implicit",
    overwrite: options.Overwrite = False,
    seed: options.Seed = 0,
) -> None:
    """Measure the accuracy of recommendations to users new to a category.

    Holds out all target events of some users and learns from the other events.
    Every item of the target is ranked, and the figures show how near the top
    the held-out items are. The baselines are popularity, recent popularity (if
    events have times), one matrix factorisation of all categories, and item
    neighbours. Intervals are over users. If products have two ids (twins), all
    figures are given with and without such products.

    By default, users are drawn at random, so their other events date from the
    same period as the held-out ones. With --split entrants, all models learn
    from the earlier events only, and the later target events of users new to
    the target are held out. This is closer to daily use, and needs a timestamp
    column.

    --recommendations adds the lists of another system: on the same users, with
    differences, and with notes on missing users or unknown items. The system
    has to learn from the same events; --write-split writes them. Metrics are
    ndcg, hr, recall, precision, mrr and map, and beyond accuracy coverage,
    novelty, diversity, popularity and popularity_bias.

    With explicit feedback, the held-out ratings are predicted. RMSE and MAE are
    compared with the mean, item means, and the biases of users and items.

    [bold]Examples[/bold]
      tastebridge evaluate events.parquet --target sport
      tastebridge evaluate stars.csv -t films --feedback explicit
      tastebridge evaluate events.parquet --target sport --split entrants
      tastebridge evaluate events.csv -t films -m recall@20 -m coverage@20 -o figures.csv
      tastebridge evaluate events.csv -t films --write-split split
      tastebridge evaluate events.csv -t films --recommendations ours=lists.parquet
    """
    explicit = feedback == "explicit"
    check_choice("--split", split, (RANDOM, ENTRANTS))
    metrics = metric or (["rmse", "mae"] if explicit else ["ndcg@10", "hr@10"])
    # before the fit, which can take minutes
    for name in metrics:
        check_choice("--metric", name, ("rmse", "mae")) if explicit else NamedMetrics([name])
    # predicted ratings are no lists, and have no weights
    needless = {"--features": bool(features), "--weighting": weighting != AUTO}
    if explicit:
        refuse_needless("with --feedback explicit", {**needless, "--recommendations": bool(recommendations)})
    finished = files_of(recommendations, MODELS)
    check_folder(write_split_to)
    tables, left_out = tables_of(features), stop_words_of(stop_words)
    if not features:
        refuse_needless("without --features", {"--stop-words": stop_words != "english"})
    if output is not None:
        named = inputs_of(tables)
        check_output(output, overwrite, events=events, **named, **named_paths(finished))
    start = time.perf_counter()
    panel, out = Table(events, once(reading, explicit)).read(), screen()
    out.print(overview_table(panel, target, out))
    out.print(f"\n{panel.cleaning}\n")
    panel, described = describe(panel, tables, reading.columns.get("item_id"), left_out)
    for line in described:
        out.print(line, soft_wrap=True)
    # features are described before the split: they come from tables, and hold nothing of users
    hidden = _hidden(panel, target, split, test_size, seed)
    out.print(f"{_described(hidden, split)}\n", soft_wrap=True)
    if write_split_to is not None:
        out.print(write_split(hidden, write_split_to), soft_wrap=True)
        return
    again = 0
    if explicit:
        results = rating_contest(hidden, metrics, seed, source)
    else:
        choices = Choices(source, weighting_of(weighting), finished)
        shown = out.is_terminal and not record().quiet
        results, models, again = contest(hidden, metrics, seed, shown, choices)
        mapper = models["tastebridge"]
        if isinstance(mapper, InterestMapper) and (said := weights_line(mapper, hidden.train, weighting)):
            out.print(f"{said}\n", soft_wrap=True)
    for name in metrics:
        if explicit:
            out.print(rating_table(results, name, f"{name.upper()} of the held-out ratings, lower is better"))
            continue
        out.print(results_table(results, name, f"{name.upper()}, every item of {target!r} ranked"))
        if again:
            out.print(results_table(results, name, f"{name.upper()} without twins", WITHOUT))
    if again:
        out.print(
            f"Twins: {again / len(hidden.truth):.0%} of the hidden events are of products that their users "
            "have in another category under another id. Without twins, these do not count, and lists leave "
            "such products out.",
        )
    if output is not None:
        write_table(results, output)
        out.print(f"The figures are {place_of(output)}.")
    out.print(f"{time.perf_counter() - start:.1f} s in all.")


def _hidden(panel: Panel, target: str, split: str, test_size: float, seed: int) -> Split:
    """Return the requested split."""
    if split == RANDOM:
        return cold_users(panel, target, test_size, seed)
    check_category("target", target, panel.categories)
    if not panel.has_times:
        raise InvalidDataError(
            "--split entrants needs the time of every event, and the events have none. Give a timestamp "
            "column (--time-column NAME if it has another name), or use --split random."
        )
    return entrants(panel, target, 1.0 - test_size)


def _described(hidden: Split, split: str) -> str:
    """Return a sentence on the held-out events."""
    users, events = f"{len(hidden.user_ids):,} users", f"{len(hidden.truth):,} events"
    if split == RANDOM:
        return f"Held out: {events} of {users} in {hidden.target!r}."
    last = hidden.train.last_time
    until = "" if last is None else f" Known: the events until {said(last)}."
    return f"Held out: {events} of {users} new to {hidden.target!r}.{until}"
