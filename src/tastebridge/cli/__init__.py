"""The command line: ``tastebridge demo | fit | recommend | audience | vectors | evaluate | key``."""

from tastebridge.cli.app import app, main

__all__ = ["app", "main"]
