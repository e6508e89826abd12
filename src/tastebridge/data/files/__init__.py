"""Tables in files: where they stand, how they are laid out, and how they become columns of Arrow."""
