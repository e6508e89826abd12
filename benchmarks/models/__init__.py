"""One file a model; each registers itself. Files that begin with an underscore hold what several share."""
