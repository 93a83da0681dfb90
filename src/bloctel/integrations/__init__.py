"""Scrubs where the rows are: a module for each library that holds them."""
