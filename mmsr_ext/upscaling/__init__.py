"""Upscale images of any size in tiles, from files to files or from arrays to arrays."""
