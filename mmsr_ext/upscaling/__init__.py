"""Sending images of any size through a network in tiles, from files to files or from arrays to arrays."""
