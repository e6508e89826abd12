"""How a model is learned: routes, folds, weights, and the evidence for each source."""
