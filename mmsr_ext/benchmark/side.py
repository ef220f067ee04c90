"""One side of a comparison of training steps: a restorer with its optimizers and a batch."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch
from mmengine.optim import AmpOptimWrapper as StockAmpOptimWrapper
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.registry import DefaultScope
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ..engine import AmpOptimWrapper
from .restorers import mmagics, ours, random_vgg


class Side:
    """A restorer with its optimizers and a batch.

    Args:
        args: Sizes and device.
        disc_only: The generator is not updated.
        theirs: MMagic's.
        dtype: 'float32', or the precision of autocast.
        channels_last: See GANRestorer.
        fused: See PyTorch's optimizers.
        read_every_step: Read what is logged at once.
        vgg_dtype: See PerceptualLoss.
        compile: Networks to compile.
    """

    def __init__(
        self,
        args: argparse.Namespace,
        disc_only: bool,
        theirs: bool = False,
        dtype: str = 'float32',
        channels_last: bool = True,
        fused: bool = True,
        read_every_step: bool = False,
        vgg_dtype: str | None = None,
        compile: tuple[str, ...] = (),
    ) -> None:
        self.on_gpu = args.device.startswith('cuda')
        if self.on_gpu:
            torch.cuda.set_device(args.device)  # which memory and synchronisation are asked of
        self.dtype = dtype
        self.theirs = theirs
        self.read_every_step = theirs or read_every_step
        self.host: list[float] = []
        self.logs: list[Tensor] = []
        torch.manual_seed(0)
        with DefaultScope.overwrite_default_scope('mmagic' if theirs else 'mmsr_ext'), random_vgg():
            self.model: Any = (mmagics if theirs else ours)(
                args, disc_only, channels_last, vgg_dtype, compile
            )
            self.model.to(args.device).train()
        self.wrappers = OptimWrapperDict(
            **{
                name: self._wrapper(getattr(self.model, name), dtype, **({} if theirs else dict(fused=fused)))
                for name in ('generator', 'discriminator')
            }
        )
        shapes = (args.batch, 3, args.patch // 4, args.patch // 4), (args.batch, 3, args.patch, args.patch)
        self.lq, self.gt = (torch.randint(0, 256, shape, dtype=torch.uint8) for shape in shapes)

    def _wrapper(self, network: nn.Module, dtype: str, **options: bool) -> OptimWrapper:
        adam = torch.optim.Adam(network.parameters(), lr=1e-4, betas=(0.9, 0.999), **options)
        if dtype == 'float32':
            return OptimWrapper(optimizer=adam)
        wrapper = (
            StockAmpOptimWrapper if self.theirs and self.on_gpu else AmpOptimWrapper
        )  # the stock one is for GPUs alone
        return wrapper(optimizer=adam, dtype=dtype)

    def batch(self) -> dict[str, Any]:
        """Return a new batch as each loader collates it: MMagic's preprocessor changes it in place."""
        if not self.theirs:
            draws = torch.full((len(self.gt), 2), -1)
            return dict(lq=self.lq, gt=self.gt, draws=draws, keys=[''] * len(self.gt))
        from mmagic.structures import DataSample

        samples = [DataSample(gt_img=gt, gt_unsharp=gt.float()) for gt in self.gt]
        return dict(inputs=list(self.lq), data_samples=samples)

    def step(self) -> float:
        """Return the seconds of one step until the device has done it; note how long the host was busy."""
        batch = self.batch()
        self._synchronise()
        start = time.perf_counter()
        self._train(batch)
        self.host.append(time.perf_counter() - start)
        self._synchronise()
        return time.perf_counter() - start

    def _train(self, batch: dict[str, Any]) -> None:
        logs = self.model.train_step(batch, self.wrappers)
        if self.read_every_step:
            for value in logs.values():
                value.item()
        else:
            self.logs = [torch.stack(list(logs.values()))]

    def steady(self, steps: int = 20) -> tuple[float, float]:
        """Measure seconds a step without waiting for the device, and the share that the GPU computes."""

        def run() -> float:
            batches = [self.batch() for _ in range(steps)]
            self._synchronise()
            start = time.perf_counter()
            for batch in batches:
                self._train(batch)
            self._synchronise()
            return time.perf_counter() - start

        run()
        seconds = run() / steps
        kinds = torch.profiler.ProfilerActivity
        with torch.profiler.profile(activities=[kinds.CUDA if self.on_gpu else kinds.CPU]) as profile:
            profiled = run()
        busy = sum(event.self_device_time_total for event in profile.key_averages()) / 1e6
        return seconds, min(busy / profiled, 1.0)

    def count(self) -> tuple[int, str]:
        """Return FLOP of a step, and how often each network runs forward in it."""
        perceptual = self.model.perceptual_loss
        vgg = perceptual.vgg.vgg_layers if self.theirs else perceptual.network
        networks = [self.model.generator, self.model.discriminator, vgg]
        calls = dict.fromkeys(range(3), 0)

        def counter(index: int) -> Callable:
            return lambda *_: calls.update({index: calls[index] + 1})

        layers = [
            network if index != 2 else next(m for m in network.modules() if isinstance(m, nn.Conv2d))
            for index, network in enumerate(networks)
        ]
        handles = [layer.register_forward_pre_hook(counter(index)) for index, layer in enumerate(layers)]
        with FlopCounterMode(display=False) as flop, torch.compiler.set_stance('force_eager'):
            self.step()
        for handle in handles:
            handle.remove()
        return flop.get_total_flops(), ', '.join(map(str, calls.values()))

    def peak_memory(self) -> int:
        """Return the bytes that a step takes on the GPU, without those of other sides."""
        self.step()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        self.step()
        tensors = [*self.model.parameters(), *self.model.buffers()]
        tensors += [
            value
            for wrapper in self.wrappers.values()
            for state in wrapper.optimizer.state.values()
            for value in state.values()
        ]
        own = sum(tensor.numel() * tensor.element_size() for tensor in tensors if tensor.is_cuda)
        return torch.cuda.max_memory_allocated() - before + own

    def _synchronise(self) -> None:
        if self.on_gpu:
            torch.cuda.synchronize()
