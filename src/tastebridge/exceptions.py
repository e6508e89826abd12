"""The error tree: every error of the package is a :class:`TastebridgeError`."""

from __future__ import annotations

import sklearn.exceptions


class TastebridgeError(Exception):
    """Base of all errors raised on purpose by tastebridge."""


class InvalidParameterError(TastebridgeError, ValueError):
    """A parameter has a value that cannot be used."""


class InvalidDataError(TastebridgeError, ValueError):
    """The data cannot be used as they are."""


class NotFittedError(TastebridgeError, sklearn.exceptions.NotFittedError):
    """An estimator is asked for something that only a fit leaves; scikit-learn's error of this name too.

    Examples
    --------
    >>> import tastebridge as tb
    >>> try:
    ...     tb.Popularity("films").recommend([1])
    ... except TastebridgeError as error:
    ...     type(error).__name__
    'NotFittedError'
    """


class NoLinkedUsersError(InvalidDataError):
    """No users, or too few, are active in both of two categories."""


class UnknownIdError(TastebridgeError, LookupError):
    """A user or item id is not in the panel or model."""


class UnknownCategoryError(TastebridgeError, LookupError):
    """A category is not in the panel or model."""


class ModelFileError(TastebridgeError, ValueError):
    """A saved model is damaged or incomplete, or the files are not a model."""


class ModelFormatError(ModelFileError):
    """A saved model has a format this version cannot read."""


class OutputError(TastebridgeError, OSError):
    """Results cannot be written, or the existing output belongs to another run."""


class MissingDependencyError(TastebridgeError, ImportError):
    """An optional dependency is needed and not installed."""


class PrivacyBudgetError(TastebridgeError):
    """A release would spend more privacy than the budget allows; nothing was released."""


class MessageError(TastebridgeError, ValueError):
    """A federated message is damaged or unexpected, or the bytes are no message."""


class TastebridgeWarning(UserWarning):
    """Data were dropped or changed, or a step was not possible, so the result is less than requested."""


class DataWarning(TastebridgeWarning):
    """Rows, columns or events were left out, are unknown to the model, or were interpreted by a guess.

    ``--strict`` on the command line turns these warnings into errors, and so does
    ``warnings.simplefilter("error", DataWarning)`` in Python.
    """
