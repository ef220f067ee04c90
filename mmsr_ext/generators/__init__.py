"""A network from a file alone: which architecture it is, its arguments, its weights, mixtures of two."""
