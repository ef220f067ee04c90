"""Packing folders of images into a store, and making LQ/GT pairs."""
