"""A call file in; its rows out, split by what the lists say of their numbers."""
