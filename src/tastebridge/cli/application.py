"""The application: its commands, its help and its version."""

from __future__ import annotations

import inspect
import sys
from typing import Annotated, cast

import typer
from typer.core import TyperCommand

from tastebridge._foundation.addresses import concealed_in
from tastebridge._foundation.validation import nearest_flag
from tastebridge._foundation.version import __version__
from tastebridge.cli.ask import ask
from tastebridge.cli.audience import audience
from tastebridge.cli.compress import compress
from tastebridge.cli.demo import demo
from tastebridge.cli.evaluate import evaluate
from tastebridge.cli.fit import fit
from tastebridge.cli.forget import forget
from tastebridge.cli.help_pages import stored
from tastebridge.cli.jobs import as_job
from tastebridge.cli.keys import key
from tastebridge.cli.messages import refuse
from tastebridge.cli.recommend import recommend
from tastebridge.cli.related import related
from tastebridge.cli.report import report
from tastebridge.cli.signatures import flags_of
from tastebridge.cli.update import update
from tastebridge.cli.vectors import vectors


class _Command(TyperCommand):
    """A command that shows its stored help: Typer's own draws boxes, which cut long names of options."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Parse the words of a command, without the credentials of addresses: no message can show them."""
        return super().parse_args(ctx, [concealed_in(word) for word in args])

    # typer.Context is a subclass of the context of its command class, which has no public name
    def get_help(self, ctx: typer.Context) -> str:  # type: ignore[override]
        """Return the help."""
        return stored(ctx.info_name or "").rstrip("\n")

    def format_help(self, ctx: typer.Context, formatter: object) -> None:  # type: ignore[override]
        """Show the help."""
        typer.echo(self.get_help(ctx))


app = typer.Typer(
    name="tastebridge",
    rich_markup_mode="rich",
    no_args_is_help=True,
    add_completion=False,
    # an unexpected error shows Python's own traceback: Rich's would print values, with users among them
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tastebridge {__version__}")
        raise typer.Exit


@app.callback()
def tastebridge(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version),
    ] = False,
) -> None:
    """Recommend in one category from users' histories in other categories.

    Events are a table with one row per event: a user, an item, a category.
    Parquet, CSV, or a folder of Parquet.

    [bold]Start here[/bold]
      tastebridge demo                                   see it on real data
      tastebridge fit events.csv -t films -o model       learn from your data
      tastebridge recommend model events.csv -o out.csv  films for all users
      tastebridge evaluate events.csv -t films           measure the accuracy
      tastebridge report model -o report.html            a report as a web page

    Exit codes: 0 for success, 1 for an error in the data or the model,
    2 for an error in the command line.
    """


# demo alone runs without arguments; the others show their help
COMMANDS = {
    command.__name__: as_job(command)
    for command in (
        demo,
        fit,
        recommend,
        related,
        ask,
        audience,
        vectors,
        compress,
        update,
        forget,
        evaluate,
        report,
        key,
    )
}
"""The commands with all their options."""
for name, command in COMMANDS.items():
    app.command(name, cls=_Command, no_args_is_help=name != "demo")(command)


def run() -> None:
    """Run the application; a mistake in the options is one line, as other errors are."""
    try:
        code = app(prog_name="tastebridge", standalone_mode=False)
    except typer.Abort:
        sys.exit(1)
    except _MISUSE as error:
        refuse(_told(error))
        sys.exit(2)
    sys.exit(code if isinstance(code, int) else 0)


# UsageError, which Typer does not export
_MISUSE = cast(type[Exception], typer.BadParameter.__mro__[1])
_NO_SUCH = "No such option"


def _told(error: Exception) -> str:
    """Return the message of a mistake in the options; another option is suggested if its name is near."""
    name = sys.argv[1]
    # older versions of Typer raise errors of click, newer ones their own: both have these attributes
    text = str(getattr(error, "message", error)).rstrip(".")
    option = getattr(error, "option_name", None)
    if text.startswith(_NO_SUCH) and option:
        shown = inspect.signature(COMMANDS[name]).parameters.values()
        known = [*(flag for one in shown for flag in flags_of(one)), "--help"]
        text = f"tastebridge {name} has no option {option}.{nearest_flag(option, known)}".rstrip(".")
    elif hasattr(error, "format_message"):
        text = error.format_message().rstrip(".").replace("Value error, ", "")
    return f"{text}{'' if text.endswith('?') else '.'} See tastebridge {name} -h."
