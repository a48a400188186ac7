"""Tables of papers: which runs they need, what is in them. One file a table."""
