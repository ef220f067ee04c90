"""Command lines: a file for each command has its arguments and calls the room that does the work."""
