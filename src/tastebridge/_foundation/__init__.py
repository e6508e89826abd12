"""What every part rests on: checks of input, the progress bar, and the version."""
