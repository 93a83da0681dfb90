"""Storage of registries in a Valkey or Redis server."""
