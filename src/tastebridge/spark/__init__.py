"""The same models on Spark: fits and scores without moving the events.

Functions take Spark data frames of events from any classic session (Spark 4, Java 17 or later; not Spark
Connect). ``pip install 'tastebridge[spark]'`` installs pyspark too; the workers also need this package.
"""

from tastebridge.spark.fitting import fit
from tastebridge.spark.recommending import recommend
from tastebridge.spark.statistics import account

__all__ = ["account", "fit", "recommend"]
