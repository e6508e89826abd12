"""How a fitted model goes on: sums that users join and leave, new items, drift, erasure."""
