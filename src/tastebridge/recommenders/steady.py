"""Answers from one state of a model, though an update in another thread may put another in its place."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from tastebridge._numerics.threads import usual_errors

Model = TypeVar("Model")
Given = ParamSpec("Given")
Answer = TypeVar("Answer")


def steady(verb: Callable[Concatenate[Model, Given], Answer]) -> Callable[Concatenate[Model, Given], Answer]:
    """Return a method that reads the attributes of its object as they are at the call.

    It runs under the usual error state of numpy, whatever the caller's.

    A verb looks a user up in the panel, and then reads the user's row and the item vectors. With a panel and
    vectors of before and after an update it would answer for another user.

    Examples
    --------
    >>> class Model:
    ...     state = 1
    ...     @steady
    ...     def twice(self, meanwhile):
    ...         first = self.state
    ...         meanwhile()
    ...         return first, self.state
    >>> model = Model()
    >>> model.state = 2
    >>> model.twice(lambda: setattr(model, "state", 3)), model.state
    ((2, 2), 3)
    """

    @wraps(verb)
    def of_now(self: Model, /, *args: Given.args, **kwargs: Given.kwargs) -> Answer:
        now = object.__new__(type(self))
        # the copy of a dict is one step: no other thread runs in between
        now.__dict__.update(self.__dict__)
        with usual_errors():
            return verb(now, *args, **kwargs)

    return of_now


def put(model: object, parts: dict[str, object]) -> None:
    """Set attributes of an object in one step, so that :func:`steady` reads all of them or none."""
    before = dict(model.__dict__)  # kept until the end: a part that dies on the way could run code
    model.__dict__.update(parts)
    del before
