"""Files: written whole or not at all, images for training (8-bit RGB), pictures for upscaling, files of torch.save."""
