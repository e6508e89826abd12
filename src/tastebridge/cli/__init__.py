"""The command line: ``tastebridge demo | fit | recommend | evaluate | key``."""

from tastebridge.cli.app import app, main

__all__ = ["app", "main"]
