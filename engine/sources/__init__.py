"""Where a catalog's files come from: a directory, or a Git repository at a ref. Each read is one consistent state."""
