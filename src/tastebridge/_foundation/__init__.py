"""The ground of every wing: checks of input, warnings, the progress bar, and the version."""
