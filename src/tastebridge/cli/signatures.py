"""Options that several commands share: added to the signature of a command, and received as one value."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from copy import copy
from functools import wraps
from typing import Annotated, TypeVar, get_type_hints

T = TypeVar("T")


def with_options(
    command: Callable[..., None],
    shared: type[T],
    call: Callable[[T, dict[str, object]], None],
    without: str | None = None,
) -> Callable[..., None]:
    """Return a command with further options.

    Parameters
    ----------
    command : function
        Its parameters are the options of its own. If it has a flag that a shared option has too, such as
        ``--items``, the shared option loses that flag and keeps its other one.
    shared : dataclass
        The shared options, as Typer shows and parses them; each field is one option.
    call : function of the shared options and the others
        Calls the command.
    without : str, optional
        The parameter of the command that ``call`` fills.
    """
    specific, added = _parameters(command), _parameters(shared)
    used = {flag for parameter in specific.values() for flag in flags_of(parameter)}
    added = {name: _without(parameter, used) for name, parameter in added.items()}

    @wraps(command)
    def run(**given: object) -> None:
        chosen = {name: given.pop(name) for name in added}
        call(shared(**chosen), given)

    if without is not None:
        del specific[without]
    shown = {**specific, **added}
    # Typer reads both: the signature for the order and defaults, the annotations for types and help
    run.__signature__ = inspect.Signature(list(shown.values()))  # type: ignore[attr-defined]
    run.__annotations__ = {name: parameter.annotation for name, parameter in shown.items()}
    return run


def in_one(argument: str, shared: type[T]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that puts the options of ``shared`` in place of the command's ``argument``."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        def call(options: T, given: dict[str, object]) -> None:
            command(**given, **{argument: options})

        return with_options(command, shared, call, without=argument)

    return decorate


def flags_of(parameter: inspect.Parameter) -> tuple[str, ...]:
    """Return the flags of an option; Typer stores the first flag of an annotated option as its default."""
    found = getattr(parameter.annotation, "__metadata__", ())
    words = [(getattr(one, "default", None), *(getattr(one, "param_decls", None) or ())) for one in found]
    return tuple(word for option in words for word in option if str(word).startswith("-"))


def _without(parameter: inspect.Parameter, used: set[str]) -> inspect.Parameter:
    """Return a parameter without the flags that a command uses itself."""
    flags = flags_of(parameter)
    if not used & set(flags):
        return parameter
    option = copy(parameter.annotation.__metadata__[0])  # other commands keep the flag
    option.default, *option.param_decls = [flag for flag in flags if flag not in used]
    return parameter.replace(annotation=Annotated[parameter.annotation.__origin__, option])


def _parameters(command: Callable[..., object]) -> dict[str, inspect.Parameter]:
    """Return the parameters of a command as keywords, with annotations evaluated."""
    hints = get_type_hints(command, include_extras=True)
    return {
        name: parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in inspect.signature(command).parameters.items()
    }
