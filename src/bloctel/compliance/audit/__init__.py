"""Audit of millions of past calls, in columns of NumPy arrays."""
