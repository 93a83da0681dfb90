"""Benchmarks that compare this library with its peers in one run on one machine.

`python -m benchmarks run --suite quick` takes a few minutes, `full` far longer and
16 GB of memory.  Nothing here is part of the package or of its tests.
"""
