"""Look-ups and scrubs inside other libraries: one module each, all optional."""
