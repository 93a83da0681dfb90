"""Audit of past calls, in columns."""
