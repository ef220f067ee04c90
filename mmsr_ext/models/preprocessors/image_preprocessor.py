"""From a loaded batch to what the network takes, on the device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import torch
from mmagic.structures import DataSample
from mmengine.model import BaseDataPreprocessor
from torch import Tensor
from torch.nn import functional as F

from ...errors import InputError
from ...registry import MODELS

Samples: TypeAlias = 'DataSample | list[DataSample]'


@MODELS.register_module()
class ImagePreprocessor(BaseDataPreprocessor):
    """Move a batch to the device in uint8 and normalise it there: ``(image - mean) / std``.

    Takes both kinds of batches:

    - of ``PackedPairs``: ``gt`` (N, C, H, W) and, unless LQ is made here, ``lq`` (N, C, h, w), RGB or one
      channel, uint8, or uint16, which is converted to fractions of the levels of 255;
      ``draws``, int64 (N, 2), seed and position of each sample or -1; ``keys``, the images' names.
    - of MMagic's loaders: ``inputs``, a list of (C, h, w), and ``data_samples``, a list of ``DataSample``
      with ``gt_img`` (C, H, W) and meta information.

    Does what MMagic's ``DataPreprocessor`` does to such batches, for the same arguments, without importing
    MMagic's models. A class that makes LQ out of GT overrides ``makes_lq`` and ``make_lq``.

    Args:
        mean: For all channels or each, in levels of 255. If they are equal, images of any number of channels
            are taken.
        std: Likewise. 0 and 255 for images in [0, 1].
        output_channel_order: 'RGB' or 'BGR', what the network takes; by default what the data have.
        stack_data_sample: One ``DataSample`` for the whole batch. If False they stay a list, and images of
            different sizes are padded to the largest, on the right and below, with 0.

    Raises:
        InputError: For a bad argument; at the first batch that it cannot take.
    """

    def __init__(
        self,
        mean: float | Sequence[float] = 127.5,
        std: float | Sequence[float] = 127.5,
        output_channel_order: Literal['RGB', 'BGR'] | None = None,
        stack_data_sample: bool = True,
    ) -> None:
        super().__init__(non_blocking=True)
        self._equal: dict[str, bool] = {}
        for name, value in (('mean', mean), ('std', std)):
            values = torch.tensor(value if isinstance(value, (list, tuple)) else [value], dtype=torch.float32)
            if name == 'std' and not (values > 0).all():
                raise InputError(f'{type(self).__name__}: std={std!r} must be positive.')
            self.register_buffer(name, values.view(-1, 1, 1), persistent=False)
            self._equal[name] = bool((values == values[0]).all())
        self.output_channel_order = output_channel_order
        self.stack_data_sample = stack_data_sample

    def makes_lq(self, training: bool) -> bool:
        """Whether LQ is made out of GT; the data's own is then not looked at."""
        return False

    def make_lq(self, samples: Samples) -> Tensor | list[Tensor]:
        """Make LQ of the batch's ``gt_img``, in [0, 255]; for subclasses."""
        raise NotImplementedError

    def forward(self, data: dict, training: bool = False) -> dict[str, Any]:
        """Make a batch for the network.

        Args:
            data: See the class.
            training: Normalise the targets too; otherwise they stay as loaded, but in BGR, as MMagic's
                metrics take them.

        Returns:
            ``inputs`` (N, C, h, w) and ``data_samples``, in training with ``gt_img`` (N, C, H, W).

        Raises:
            InputError: If the batch has no LQ, or images of different sizes.
        """
        made = self.makes_lq(training)
        lq, samples = self.read(data, with_lq=not made)
        lq = self.make_lq(samples) if made else lq
        assert lq is not None  # read refuses a batch without
        count = len(lq)
        lq, padding = (lq, [(0, 0, 0)] * count) if isinstance(lq, Tensor) else _pad(lq)
        order = order_of(samples, 'gt' if made else 'img', lq.shape[-3])
        if made:
            _set_meta(samples, img_channel_order=[order] * count)
        lq, order = convert(lq, order, self.output_channel_order)
        _set_meta(samples, padding_size=padding, img_output_channel_order=[order] * count)
        self._targets(samples, count, training)
        return {'inputs': self.normalise(lq), 'data_samples': samples}

    def normalise(self, image: Tensor) -> Tensor:
        """Convert (..., C, H, W) in [0, 255] of any type to float, by mean and std."""
        channels = image.shape[-3]
        return (image - self._for('mean', channels)).div_(self._for('std', channels))

    def denormalise(self, image: Tensor) -> Tensor:
        """Undo ``normalise``, without rounding and clipping."""
        channels = image.shape[-3]
        return image * self._for('std', channels) + self._for('mean', channels)

    def _for(self, name: str, channels: int) -> Tensor:
        """Return mean or std for images with so many channels, (channels, 1, 1) or (1, 1, 1)."""
        values = getattr(self, name)
        if len(values) in (1, channels):
            return values
        if self._equal[name]:
            return values[:1]
        raise InputError(
            f'{type(self).__name__}: images with {channels} channels, but mean and std have '
            f'{len(self.mean)} and {len(self.std)} values. Give one value, or one for each channel.'
        )

    def destruct(self, outputs: Tensor, data_samples: Samples | None = None, key: str = 'img') -> Tensor:
        """Undo the normalisation of network outputs or inputs, for MMagic's metrics and visualisers.

        Args:
            outputs: (N, C, H, W) or (C, H, W).
            data_samples: What ``forward`` has made.
            key: The image whose channel order the output has.

        Returns:
            Of the same shape, in [0, 255], BGR.

        Raises:
            InputError: If the batch was padded: near the padding the network's output is not what it is for
                the image alone.
        """
        if data_samples and any(map(any, _meta(data_samples, 'padding_size'))):
            raise InputError(
                'images of different sizes were padded to make a batch, which changes what the network '
                'gives for them. Validate with batch_size=1.'
            )
        image, _ = convert(
            self.denormalise(outputs), order_of(data_samples, f'{key}_output', outputs.shape[-3]), 'BGR'
        )
        return image.clamp_(0, 255)

    def read(self, data: dict, with_lq: bool = True) -> tuple[Tensor | list[Tensor] | None, Samples]:
        """Move a batch of either kind to the device, otherwise as loaded.

        Args:
            data: See the class.
            with_lq: Whether LQ is wanted.

        Returns:
            LQ (N, C, h, w), a list of (C, h, w) where their sizes differ, or None; and a ``DataSample`` with
            ``gt_img`` (N, C, H, W) and in its meta information lists over the batch, among them ``seed`` and
            ``position`` if the samples were drawn; or a list of samples.
        """
        if 'gt' in data:
            lq, samples = data.get('lq'), _packed_samples(data)
        else:
            lq, samples = data.get('inputs') if with_lq else None, data.get('data_samples')
        if with_lq and lq is None:
            raise InputError(
                f'{type(self).__name__}: the batch has no LQ images. Use data that have them, or a '
                'data_preprocessor that makes them, such as RealESRGANDegradation.'
            )
        if not samples:
            samples = [DataSample() for _ in lq or ()]
        if isinstance(lq, (list, tuple)):
            lq = self._stack(lq, 'inputs')
        if isinstance(samples, (list, tuple)):
            samples = self._stack_samples(samples)
        elif not self.stack_data_sample:
            samples = samples.split()
        for sample in samples if isinstance(samples, list) else [samples]:
            for name, value in list(sample.items()):
                if isinstance(value, Tensor):
                    sample.set_field(self._send(value), name)
        return (self._send(lq) if with_lq and lq is not None else None), samples

    def _stack_samples(self, samples: Sequence[DataSample]) -> Samples:
        if not self.stack_data_sample:
            return [sample.new() for sample in samples]
        for name, value in samples[0].items():
            if isinstance(value, Tensor):
                self._same_sizes([sample.get(name) for sample in samples], name)
        return DataSample.stack(samples)

    def _stack(self, images: Sequence[Tensor], name: str) -> Tensor | list[Tensor]:
        if not self.stack_data_sample and len({image.shape for image in images}) > 1:
            return list(images)
        self._same_sizes(images, name)
        return torch.stack(list(images))

    def _same_sizes(self, images: Sequence[Tensor], name: str) -> None:
        sizes = sorted({tuple(image.shape) for image in images})
        if len(sizes) > 1:
            raise InputError(
                f'{type(self).__name__}: {name} of different sizes in a batch, such as {sizes[0]} and '
                f'{sizes[1]}. Train on crops, by gt_size of the dataset, and validate with batch_size=1.'
            )

    def _send(self, images: Any) -> Any:
        if isinstance(images, list):
            return [self._send(image) for image in images]
        if self.device.type == 'cuda' and images.device.type == 'cpu' and torch.cuda.is_available():
            images = (
                images.pin_memory()
            )  # or the host would wait for the transfer, and so for the step before; nothing if it is already
        images = images.to(self.device, non_blocking=True)
        # in levels of 255, as all that follows has it
        return images.to(torch.float32) / 257 if images.dtype == torch.uint16 else images

    def _targets(self, samples: Samples, count: int, training: bool) -> None:
        """Convert and normalise ``gt_img``, and ``gan_gt_img`` where the data have one."""
        for sample in samples if isinstance(samples, list) else [samples]:
            for name in ('gt_img', 'gan_gt_img'):
                if name not in sample:
                    continue
                image = sample.get(name)
                order = order_of(sample, 'gt' if name == 'gt_img' else name, image.shape[-3])
                image, order = convert(image, order, self.output_channel_order if training else 'BGR')
                sample.set_field(self.normalise(image) if training else image, name)
                # the names are those that MMagic's preprocessor leaves
                meta = {
                    'enable_norm': True,
                    'output_channel_order': order,
                    'mean': self._for('mean', image.shape[-3]),
                    'std': self._for('std', image.shape[-3]),
                }
                for key, value in meta.items():
                    stacked = value if isinstance(samples, list) else [value] * count
                    sample.set_field(stacked, f'{name}_{key}', field_type='metainfo')


def draws_of(samples: Samples) -> list[tuple[int, int]] | None:
    """Return seed and position of each sample of a batch; None if ``InfiniteDraws`` did not draw them."""
    seeds, positions = (_meta(samples, name) for name in ('seed', 'position'))
    if not seeds or not positions or None in seeds + positions:
        return None
    return [(int(seed), int(position)) for seed, position in zip(seeds, positions, strict=True)]


def order_of(samples: Samples | None, name: str, channels: int) -> str:
    """Return a batch's channel order: 'rgb', 'bgr' or 'single'; 'bgr', MMagic's, if the samples do not say.

    Raises:
        InputError: If they have different ones.
    """
    kinds, orders = (
        {value or default for value in _meta(samples, f'{name}_{what}')}  # in a mixture some may have none
        for what, default in (('color_type', 'color'), ('channel_order', 'bgr'))
    )
    if len(kinds) > 1 or len(orders) > 1:
        raise InputError(
            f'a batch has images of different {name}_channel_order: '
            f'{", ".join(sorted(map(str, kinds | orders)))}. Load all images with the same channel_order.'
        )
    if channels == 1:
        return 'single'
    return (orders.pop() if orders and 'unchanged' not in kinds else None) or 'BGR'


def _packed_samples(data: dict) -> DataSample:
    samples, count = DataSample(gt_img=data['gt']), len(data['gt'])
    meta = dict(
        key=data['keys'],
        gt_path=data['keys'],
        gt_channel_order=['rgb'] * count,
        img_channel_order=['rgb'] * count,
    )
    draws = data['draws'].tolist() if data.get('draws') is not None else []
    if draws and min(map(min, draws)) >= 0:
        meta['seed'], meta['position'] = map(list, zip(*draws))
    _set_meta(samples, **meta)
    return samples


def _meta(samples: Samples | None, name: str) -> list[Any]:
    """Return a value of the meta information for each sample; empty if none has it."""
    if not isinstance(samples, list):
        value = samples.metainfo.get(name) if samples is not None else None
        return [] if value is None else value if isinstance(value, list) else [value]
    return [sample.metainfo.get(name) for sample in samples]


def _set_meta(samples: Samples, **values: list[Any]) -> None:
    """Set values of the meta information, one for each sample."""
    for name, value in values.items():
        if isinstance(samples, list):
            for sample, one in zip(samples, value, strict=True):
                sample.set_field(one, name, field_type='metainfo')
        else:
            samples.set_field(value, name, field_type='metainfo')  # set_metainfo would copy deeply


def convert(image: Tensor, order: str, target: str | None) -> tuple[Tensor, str]:
    """Convert images (..., C, H, W) to another channel order, none for None; return the order too."""
    if target is None or order.upper() in ('SINGLE', target):
        return image, order
    colours, rest = image[..., :3, :, :].flip(-3), image[..., 3:, :, :]
    return (torch.cat([colours, rest], -3) if rest.shape[-3] else colours), target


def _pad(images: list[Tensor]) -> tuple[Tensor, list[tuple[int, int, int]]]:
    height, width = (max(image.shape[axis] for image in images) for axis in (-2, -1))
    padding = [(0, height - image.shape[-2], width - image.shape[-1]) for image in images]
    return torch.stack(
        [F.pad(image, (0, right, 0, below)) for image, (_, below, right) in zip(images, padding)]
    ), padding
