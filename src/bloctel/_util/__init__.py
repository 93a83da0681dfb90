"""General utilities for files, time, texts, threads and statistics."""
