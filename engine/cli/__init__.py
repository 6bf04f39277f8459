"""The command line: one file a verb group, and the only place that prints and chooses exit codes."""
