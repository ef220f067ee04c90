"""The command lines: one file a command, with its arguments and what it calls. tools/*.py start them."""
