"""Every number tastebridge claims comes from here: ``python -m benchmarks.run``, then ``benchmarks.tables``."""
