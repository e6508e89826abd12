"""Pictures of the results of a fit, for reports and notebooks; drawn by matplotlib, kept as small SVG."""

from tastebridge.plots.fitted import relatedness, reliability, transfer
from tastebridge.plots.graph import category_graph
from tastebridge.plots.heat import heat_map
from tastebridge.plots.intervals import interval_plot
from tastebridge.plots.lines import history_plot, reliability_plot
from tastebridge.plots.picture import Picture

__all__ = [
    "Picture",
    "category_graph",
    "heat_map",
    "history_plot",
    "interval_plot",
    "relatedness",
    "reliability",
    "reliability_plot",
    "transfer",
]
