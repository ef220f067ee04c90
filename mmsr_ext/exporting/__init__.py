"""Writing a generator alone in another format, and checking the file against the network."""
