"""Reading a config, and saying in one line what is wrong with it."""
