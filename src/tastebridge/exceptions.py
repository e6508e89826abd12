"""The error tree: every error of the package is a :class:`TastebridgeError`."""

from __future__ import annotations


class TastebridgeError(Exception):
    """Base of all errors raised on purpose by tastebridge."""


class InvalidParameterError(TastebridgeError, ValueError):
    """A parameter has a value that cannot be used."""


class InvalidDataError(TastebridgeError, ValueError):
    """The data given cannot be used as they are."""


class NoLinkedUsersError(InvalidDataError):
    """No (or too few) users stand in both of two categories."""


class UnknownIdError(TastebridgeError, LookupError):
    """A user or item id is not known to the object asked."""


class UnknownCategoryError(TastebridgeError, LookupError):
    """A category is not in the panel or model asked."""


class ModelFileError(TastebridgeError, ValueError):
    """A saved model is damaged, incomplete, or not a model at all."""


class ModelFormatError(ModelFileError):
    """A saved model has a format this version cannot read."""


class OutputError(TastebridgeError, OSError):
    """Results cannot be written, or those that are there belong to something else."""


class MissingDependencyError(TastebridgeError, ImportError):
    """An optional dependency is needed and not installed."""


class PrivacyBudgetError(TastebridgeError):
    """A release would spend more privacy than the budget allows; nothing was released."""


class MessageError(TastebridgeError, ValueError):
    """A federated message is damaged, unexpected, or not a message at all."""


class TastebridgeWarning(UserWarning):
    """Something was dropped, changed or not possible, and the result says less than was asked."""
