"""Look-ups and scrubs in other libraries, with a separate module for each library."""
