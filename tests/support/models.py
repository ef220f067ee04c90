"""Small models and batches that several tests share."""

import mmsr_ext  # noqa: F401  also in a process that a test starts, MMagic is mended first

# isort: split

import torch
from mmagic.structures import DataSample
from torch import nn

PREPROCESSOR = dict(type='mmagic.DataPreprocessor', mean=[0.0] * 3, std=[255.0] * 3)
GENERATOR = dict(
    type='mmagic.MSRResNet', in_channels=3, out_channels=3, mid_channels=8, num_blocks=1, upscale_factor=4
)


class SmallDiscriminator(nn.Module):
    """Two convolutions, with or without batch normalisation, and a dense layer; 32 px."""

    def __init__(self, batch_norm: bool = True) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, 2, 1)
        self.conv2 = nn.Conv2d(8, 8, 3, 2, 1)
        self.norm = nn.BatchNorm2d(8) if batch_norm else nn.Identity()
        self.linear = nn.Linear(8 * 64, 1)

    def forward(self, x):
        x = nn.functional.leaky_relu(self.conv1(x), 0.2)
        return self.linear(nn.functional.leaky_relu(self.norm(self.conv2(x)), 0.2).flatten(1))


def batch(count: int = 4, size: int = 8, seed: int = 0) -> dict:
    """A batch as MMagic's loader collates it: lists of uint8 tensors and data samples."""
    generator = torch.Generator().manual_seed(seed)
    inputs, samples = [], []
    for _ in range(count):
        inputs.append(torch.randint(0, 256, (3, size, size), generator=generator, dtype=torch.uint8))
        sample = DataSample(
            gt_img=torch.randint(0, 256, (3, 4 * size, 4 * size), generator=generator, dtype=torch.uint8)
        )
        sample.set_metainfo(dict(gt_channel_order='rgb', img_channel_order='rgb', gt_path='x/a.png'))
        samples.append(sample)
    return dict(inputs=inputs, data_samples=samples)
