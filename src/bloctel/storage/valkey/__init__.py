"""Storage in Valkey or Redis."""
