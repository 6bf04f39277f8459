"""One file a migration. They are never edited once released: they say what a database was, not what it is."""
