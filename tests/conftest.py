"""Its place puts this folder on the path, so that tests anywhere below import the contracts beside it."""
