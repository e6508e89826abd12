"""Pictures of what a mapper found out: small SVG for reports and notebooks; no other package needed."""

from tastebridge.plots.graph import category_graph
from tastebridge.plots.heat import heat_map
from tastebridge.plots.intervals import interval_plot
from tastebridge.plots.lines import history_plot, reliability_plot
from tastebridge.plots.svg import Picture

__all__ = ["Picture", "category_graph", "heat_map", "history_plot", "interval_plot", "reliability_plot"]
