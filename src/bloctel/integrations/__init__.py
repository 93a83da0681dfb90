"""Integrations: look-ups and scrubs inside other libraries, with a module for each."""
