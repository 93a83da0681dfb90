"""Exact look-ups: tables of numbers, and books that answer from them."""
