"""Exact look-ups: tables of numbers and the books that answer from them."""
