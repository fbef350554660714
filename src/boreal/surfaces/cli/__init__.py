"""The command line: `boreal COMMAND`. Commands do what the API does, or run a process; rules are elsewhere."""
