"""``tastebridge ask``: questions to one user in a terminal, and the list before and after the answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from tastebridge._foundation.nouns import with_article
from tastebridge.cli import options
from tastebridge.cli.events import Table
from tastebridge.cli.messages import note
from tastebridge.cli.models import Opening, opens_model
from tastebridge.cli.prompts import answer, numbers, say, word
from tastebridge.cli.reading import Reading, reads_events
from tastebridge.cli.record import record
from tastebridge.cli.screen import plain_table, screen
from tastebridge.cli.signatures import in_one
from tastebridge.data import Panel
from tastebridge.data.types import Id
from tastebridge.exceptions import InvalidParameterError, UnknownIdError
from tastebridge.recommenders import Recommender
from tastebridge.recommenders.interest_mapper import InterestMapper


@dataclass(frozen=True)
class _Asked:
    """The user who is asked, as Typer shows and parses it; each field is one option."""

    events: Annotated[
        Path | None,
        typer.Argument(metavar="[EVENTS]", help="Table with the user's events.", show_default=False),
    ] = None
    user: Annotated[
        str | None, typer.Option("--user", metavar="ID", help="The user in EVENTS.", show_default=False)
    ] = None
    groups: Annotated[
        int | None,
        typer.Option(
            "--groups", metavar="N", min=2, help="Show N groups of items per question.", show_default=False
        ),
    ] = None

    def history(self, recommender: Recommender, reading: Reading) -> Panel | None:
        """Return the history of the user, or None without a table."""
        events, user = self.events, self.user
        if (events is None) != (user is None):
            raise InvalidParameterError(
                "EVENTS and --user go together. Give both, or neither for a new user."
            )
        if events is None or user is None:
            return None
        panel = Table(events, reading).read(recommender)
        # ids of digits are numbers or text, as in the model
        given: Any = int(user) if panel.users.kind == "int" and user.lstrip("-").isdigit() else user
        if given not in panel.users:
            raise UnknownIdError(f"--user {user} is not in {str(events)!r}. Name a user of the table.")
        return panel[panel.users.numbers([given])]


@reads_events
@opens_model
@in_one("asked", _Asked)
def ask(
    reading: Reading,
    opening: Opening,
    asked: _Asked,
    model: options.Model,
    n: Annotated[int, typer.Option("-n", "--number", min=1, help="Number of questions.")] = 3,
    length: Annotated[int, typer.Option("--length", min=1, help="Items in the lists shown.")] = 10,
) -> None:
    """Ask a user about a few items, and show the list before and after the answers.

    Each question is the one whose answer improves the list most, given the
    answers so far. Answer y (liked), n (not) or ? (unknown); q or Ctrl-D ends
    the questions. Answers can come from a pipe, one per line; the questions
    stop after the last line. Ctrl-C prints the answers so far instead of the
    list.

    With --groups, each question shows groups of items with three examples each.
    Answer with the numbers of the groups you like, such as 2 5-7 11; an empty
    line means none. The next question splits these groups.

    With a table of events and --user, the history of that user counts too.

    [bold]Examples[/bold]
      tastebridge ask model
      tastebridge ask model events.parquet --user 1207 -n 5
      yes | tastebridge ask model -n 3
      tastebridge ask model --groups 24
    """
    recommender = opening.of(model)
    if not isinstance(recommender, InterestMapper):
        raise InvalidParameterError(
            f"ask needs a model of an InterestMapper; {str(model)!r} is {with_article(recommender)}."
        )
    history = asked.history(recommender, reading)
    out, answers = screen(), dict[Id, str]()
    out.print(_list_table("Before", recommender.recommend_from(history, length, answers={}), recommender))
    ask_one = _ask_item if asked.groups is None else _ask_groups
    try:
        for at in range(1, n + 1):
            told = ask_one(recommender, history, answers, f"{at}/{n}", asked.groups or 1)
            if told is None:
                note(f"the answers ended after {at - 1} of {n} questions.")
                break
            answers |= told
    except KeyboardInterrupt:
        say("")  # the question stands in this line
        note(f"answers so far: {_so_far(answers)}.")
        raise
    finally:
        record().add(answers={str(item): told for item, told in answers.items()})
    out.print(_list_table("After", recommender.recommend_from(history, length, answers=answers), recommender))


def _ask_item(
    recommender: InterestMapper, history: Panel | None, answers: dict[Id, str], count: str, n: int
) -> dict[Id, str] | None:
    """Ask about the best item; None without a further item, or at the end of the input."""
    best = recommender.questions(history, n, answers=answers)
    if best.empty:
        note("there is no further item to ask about.")
        return None
    item = best["item_id"].iloc[0]
    # the name as written by the shop, next to the id that an answer is stored under
    shown = _label(item, best["name"].iloc[0] if "name" in best else None)
    told = answer(f"{count}  Do you like {shown}? [y/n/?] ", word, "y, n or ?")
    return None if told is None else {item: told}


def _ask_groups(
    recommender: InterestMapper, history: Panel | None, answers: dict[Id, str], count: str, n: int
) -> dict[Id, str] | None:
    """Ask which groups of a screen the user likes; None as for :func:`_ask_item`."""
    groups = recommender.questions(history, n, answers=answers, kind="groups")
    if groups.empty:
        note("there is no further group to ask about.")
        return None
    for place, row in enumerate(groups.to_dict("records"), 1):
        names = row.get("names", (None,) * len(row["examples"]))
        shown = ", ".join(_label(*pair) for pair in zip(row["examples"], names, strict=True))
        rest = row["n_items"] - len(row["examples"])
        say(f"{place:4}  {shown}{f' and {rest:,} more' if rest else ''}")
    limit = len(groups)
    question = f"{count}  Which do you like? [numbers, or empty for none] "
    liked = answer(question, lambda line: numbers(line, limit), f"numbers from 1 to {limit}")
    if liked is None:
        return None
    return {group: "liked" if place in liked else "unknown" for place, group in enumerate(groups["group"], 1)}


def _so_far(answers: dict[Id, str]) -> str:
    """Return the answers in one line: the count of each kind, and the ids of liked and disliked items."""
    parts = []
    for told in ("liked", "not", "unknown"):
        ids = [str(item) for item, word in answers.items() if word == told]
        if ids:
            parts.append(f"{len(ids)} {told}" + (f" ({', '.join(ids)})" if told != "unknown" else ""))
    return ", ".join(parts) or "none"


def _list_table(title: str, found: pd.DataFrame, recommender: Recommender) -> Any:  # noqa: ANN401 (of Rich)
    """Return a list as a table of ranks, items and scores."""
    table = plain_table(title, ["item", "rank", "score"])
    names = (recommender.item_names_ or {}).get(next(iter(recommender.targets_)))
    for row in found.to_dict("records"):
        name = None if names is None else names.get(row["item_id"])
        table.add_row(_label(row["item_id"], name), str(row["rank"]), f"{row['score']:.2f}")
    return table


def _label(item: Id, name: object) -> str:
    """Return the name of an item with its id, or the id alone."""
    return str(item) if name is None or pd.isna(name) else f"{name} ({item})"
