"""The steps of a fit: routes, folds, weights, and the evidence for each source."""
