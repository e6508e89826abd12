"""The log of the package: the logger ``tastebridge``, silent until an application gives it a handler."""

from __future__ import annotations

import logging

LOGGER = logging.getLogger("tastebridge")
LOGGER.addHandler(logging.NullHandler())
