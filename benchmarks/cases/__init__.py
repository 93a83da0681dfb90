"""The jobs that are measured, one file a kind."""
