"""HTML report of a scrub."""
