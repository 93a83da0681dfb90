"""Origin check: statistical tests for call files that a machine generated."""
