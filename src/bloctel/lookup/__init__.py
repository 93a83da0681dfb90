"""Exact look-ups of phone numbers in a set of opposition lists."""
