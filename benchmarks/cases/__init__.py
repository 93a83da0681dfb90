"""Measured jobs, one module per kind."""
