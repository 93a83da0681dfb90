"""Statistical checks for call files that a machine made."""
