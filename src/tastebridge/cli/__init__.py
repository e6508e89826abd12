"""The command line: ``tastebridge demo | fit | recommend | evaluate``."""

from tastebridge.cli.app import app, main

__all__ = ["app", "main"]
