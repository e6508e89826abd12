"""``tastebridge ask``: questions to one user in a terminal, and the list before and after the answers."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from tastebridge._foundation.printable import printable
from tastebridge.cli import options
from tastebridge.cli.events import Table
from tastebridge.cli.messages import note
from tastebridge.cli.models import Opening, opens_model
from tastebridge.cli.reading import Reading, reads_events
from tastebridge.cli.screen import plain_table, screen
from tastebridge.cli.signatures import in_one
from tastebridge.data import Panel
from tastebridge.data.types import Id
from tastebridge.exceptions import InvalidParameterError, UnknownIdError
from tastebridge.recommenders import Recommender
from tastebridge.recommenders.interest_mapper import InterestMapper

_WORDS = {"y": "liked", "yes": "liked", "n": "not", "no": "not", "?": "unknown", "": "unknown"}


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
    answers so far. Answer y (liked), n (not) or ? (unknown). Answers can come
    from a pipe, one per line; the questions end where the lines end.

    With a table of events and --user, the user's history counts too.

    [bold]Examples[/bold]
      tastebridge ask model
      tastebridge ask model events.parquet --user 1207 -n 5
      yes | tastebridge ask model -n 3
    """
    recommender = opening.of(model)
    if not isinstance(recommender, InterestMapper):
        raise InvalidParameterError(
            f"ask needs a model of an InterestMapper; {str(model)!r} is a {type(recommender).__name__}."
        )
    history = asked.history(recommender, reading)
    out, answers = screen(), dict[Id, str]()
    out.print(_list_table("Before", recommender.recommend_from(history, length, answers={}), recommender))
    for at in range(1, n + 1):
        best = recommender.questions(history, 1, answers=answers)
        if best.empty:
            note("there is no further item to ask about.")
            break
        item = best["item_id"].iloc[0]
        # the name as written by the shop, next to the id that an answer is stored under
        shown = _label(item, best["name"].iloc[0] if "name" in best else None)
        answer = _answer(f"{at}/{n}  Do you like {shown}? [y/n/?] ")
        if answer is None:
            note(f"the answers ended after {len(answers)} of {n} questions.")
            break
        answers[item] = answer
    out.print(_list_table("After", recommender.recommend_from(history, length, answers=answers), recommender))


def _answer(question: str) -> str | None:
    """Return the answer to a question, asked again until it is one; None at the end of the input."""
    while True:
        typer.echo(printable(question), nl=False)
        line = sys.stdin.readline()
        if not line:
            typer.echo()
            return None
        if not sys.stdin.isatty():
            typer.echo(printable(line.strip()))  # a pipe echoes nothing by itself
        if (word := line.strip().lower()) in _WORDS:
            return _WORDS[word]
        note(f"an answer is y, n or ?; got {word!r}.")


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
