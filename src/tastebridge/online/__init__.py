"""Updates of a fitted model: sufficient statistics, new items, drift and erasure."""
