"""Files: written whole or not at all; images to train on, pictures to upscale, files of torch.save."""
