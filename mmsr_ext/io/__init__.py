"""Reading and writing files: atomic writes, images for training, pictures for upscaling, torch.save files."""
