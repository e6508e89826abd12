"""``python -m tastebridge`` is the command ``tastebridge``, where commands are not on the path."""

from tastebridge.cli import main

if __name__ == "__main__":
    main()
