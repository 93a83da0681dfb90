"""Look-ups and scrubs inside other libraries: one optional module for each library."""
