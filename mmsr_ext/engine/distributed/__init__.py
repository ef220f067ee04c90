"""Several processes, on CPUs or GPUs: DDP of each network, batch normalisation, exchange of objects."""
