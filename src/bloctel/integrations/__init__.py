"""Look-ups and scrubs inside other libraries; each library has an optional module."""
