"""tastebridge carries a person's interests from the categories where they are known to one where they are not."""

__version__ = "0.1.0"
