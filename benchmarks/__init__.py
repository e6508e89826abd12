"""Every number comes from here: ``python -m benchmarks.run``, then ``benchmarks.tables``."""
