"""Look-ups inside other libraries' own queries: one module a library, each optional."""
