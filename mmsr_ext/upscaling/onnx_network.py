"""Run the network of an .onnx file as a PyTorch module."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..machine import little_memory

TRIAL_BYTES = 2**30  # beside twice the file, for a graph that nobody has run yet, on a small image
TRIAL_SECONDS = 5.0
TRIAL_SIDE = 64  # px; a graph that takes larger images alone has more time, and later more memory
LARGEST_SIDE = 2048  # px
LOCATION = re.compile(
    rb'\n\x08location\x12([\x01-\x7f]|[\x80-\xff][\x01-\x7f])'
)  # where data are beside the file
BLOCK = 2**24  # bytes that are searched at a time
LONGEST_LOCATION = 2**14 + 16  # bytes of a match and its name
NO_MEMORY = ('bad_alloc', 'Failed to allocate memory', 'bad allocation')


class TooMuch(Exception):
    """A graph takes more memory or time than a generator does; the message says which."""


InputRange = Literal['0-1', '0-255']


class OnnxNetwork(nn.Module):
    """A network that ONNX Runtime computes; images pass through the host.

    Args:
        path: An .onnx file with one input and one output, both RGB images as (N, C, H, W) or (N, H, W, C),
            such as ``tools/export.py`` writes. What its input fixes is read from the file.
        input_range: Range of the values that the network takes and gives.

    Attributes:
        fixed_size: Height and width of the input that the file fixes, in pixels; None where it does not.

    Raises:
        InputError: If ONNX Runtime is not installed, cannot read the file, or its input is no image.
    """

    # the layers are not visible: assume two maps of 64 channels at four times the input's size
    values_per_pixel = 2 * 64 * 4**2
    unfit = frozenset({torch.float16, torch.bfloat16})  # the file fixes the precision

    def __init__(self, path: str | Path, input_range: InputRange = '0-1') -> None:
        super().__init__()
        try:
            import onnxruntime  # noqa: F401
        except ImportError:
            raise InputError(f"{path}: .onnx files need ONNX Runtime: pip install -e '.[export]'") from None
        if not Path(path).is_file():
            raise InputError(f'{path} does not exist.')
        self.path, self.input_range = Path(path), input_range
        self.fixed_size: tuple[int, int] | None = None
        self._trial: Any = None
        _check_locations(self.path)
        # what a graph computes from its constants is left for the trial: loading alone is short and small
        with little_memory(self._trial_bytes()):
            self.session = self._load(['CPUExecutionProvider'], disabled_optimizers=['ConstantFolding'])
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        if (
            len(inputs) != 1
            or len(outputs) != 1
            or inputs[0].type not in ('tensor(float)', 'tensor(float16)')
            or len(inputs[0].shape) != 4
        ):
            raise InputError(
                f'{path} takes {", ".join(f"{each.name} ({each.type} {each.shape})" for each in inputs)} and '
                f'gives {len(outputs)} outputs; expected one image each, (N, C, H, W) of floating-point '
                'numbers.'
            )
        self.input = inputs[0].name
        self.dtype = torch.float16 if inputs[0].type == 'tensor(float16)' else torch.float32
        shape = [size if isinstance(size, int) and size > 0 else None for size in inputs[0].shape]
        self.channels_last = shape[3] in (1, 3) and shape[1] not in (1, 3)
        batch, _, height, width = [shape[0], shape[3], *shape[1:3]] if self.channels_last else shape
        self.batch = batch
        if height and width:
            self.fixed_size = height, width
            if height * width > LARGEST_SIDE**2:
                raise InputError(
                    f'{path} takes images of {height}x{width} px alone; expected at most {LARGEST_SIDE} by '
                    f'{LARGEST_SIDE}. Export it again with dynamic axes for height and width.'
                )
        elif height or width:
            raise InputError(
                f'{path} takes images of {height or "any"}x{width or "any"}; expected both sides fixed, or '
                'neither. Export it again with dynamic axes for height and width.'
            )
        self.ours = {'mmsr_ext', 'architecture'} <= self.session.get_modelmeta().custom_metadata_map.keys()

    def __deepcopy__(self, memo: dict) -> OnnxNetwork:
        return self  # a session has no state to copy

    @contextmanager
    def trial(self) -> Iterator[None]:
        """Run the graph within the block with little memory and time; after it as fast as it can.

        A graph of a few bytes can ask for any amount of both, whatever the size of the image.

        Raises:
            InputError: If it takes more than ``TRIAL_BYTES`` and twice the file's size, or than
                ``TRIAL_SECONDS`` for one image.
        """
        import onnxruntime

        self._trial = onnxruntime.RunOptions
        try:
            with little_memory(self._trial_bytes()):
                yield
        finally:
            self._trial = None
        available = onnxruntime.get_available_providers()
        wanted = [name for name in ('CUDAExecutionProvider', 'CPUExecutionProvider') if name in available]
        self.session = self._load(wanted)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W), in [0, 1], to (N, C, scale * H, scale * W), with the same dtype and device."""
        top = 255 if self.input_range == '0-255' else 1
        images = (x * top).to('cpu', self.dtype)
        if self.channels_last:
            images = images.permute(0, 2, 3, 1)
        if self.batch is None or self.batch == len(images):
            output = self._run(images)
        else:  # one image at a time, as often as the file takes at a time
            parts = [self._run(image.expand(self.batch, -1, -1, -1))[:1] for image in images.split(1)]
            output = torch.cat(parts)
        if self.channels_last and output.ndim == 4:
            output = output.permute(0, 3, 1, 2)
        return output.to(x) / top

    def _run(self, images: Tensor) -> Tensor:
        """Run the graph on images in the file's layout and type."""
        options = self._trial() if self._trial else None
        timer = Timer(self._trial_seconds(), setattr, (options, 'terminate', True)) if options else None
        height, width = images.shape[1:3] if self.channels_last else images.shape[2:]
        shape = str(width) if height == width else f'{height}x{width}'
        if timer:
            timer.start()
        try:
            (output,) = self.session.run(None, {self.input: images.contiguous().numpy()}, options)
        except Exception as error:  # ONNX Runtime's exceptions have no common base
            if options and options.terminate:
                raise TooMuch(
                    f'{self.path} takes more than {self._trial_seconds():g} s for an image of {shape} px. '
                    'Give the file of a generator.'
                ) from error
            no_memory = any(sign in str(error) for sign in NO_MEMORY)
            if options and no_memory:
                raise TooMuch(
                    f'{self.path} takes more than {self._trial_bytes():,} bytes of memory for an image of '
                    f'{shape} px ({_line(error)}). Give the file of a generator.'
                ) from error
            if no_memory:
                raise RuntimeError(f'out of memory: {_line(error)}') from error
            raise InputError(
                f'{self.path} cannot compute an image of {shape} px ({_line(error)}). Export it again with '
                'dynamic axes for height and width, or with a fixed size.'
            ) from error
        finally:
            if timer:
                timer.cancel()
        return torch.from_numpy(output)

    def _trial_seconds(self) -> float:
        return TRIAL_SECONDS * max(1.0, math.prod(self.fixed_size or (1,)) / TRIAL_SIDE**2)

    def _trial_bytes(self) -> int:
        times = max(1.0, math.prod(self.fixed_size or (1,)) / TRIAL_SIDE**2 / 16)
        return 2 * self.path.stat().st_size + int(TRIAL_BYTES * times)

    def _load(self, providers: list[str], **how: Any) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        try:
            return onnxruntime.InferenceSession(str(self.path), options, providers, **how)
        except Exception as error:  # as above
            raise InputError(
                f'{self.path} cannot be read by ONNX Runtime {onnxruntime.__version__}: {_line(error)}'
            ) from error


def _check_locations(path: Path) -> None:
    """Refuse a graph whose data are outside its folder; older versions of ONNX Runtime read them."""
    folder = path.parent.resolve()
    for name in _locations(path):
        if not (folder / name).resolve().is_relative_to(folder):
            raise InputError(
                f'{path} reads its weights from {name!r}, outside its folder. Give a file whose '
                'weights are in it, or beside it.'
            )


def _locations(path: Path) -> Iterator[str]:
    """Yield the names of the files beside a graph from which it reads weights."""
    with open(path, 'rb') as file:  # not mapped: a mapped file that is shortened ends the process
        rest = b''
        while block := file.read(BLOCK):
            content = rest + block
            for match in LOCATION.finditer(content):
                low, *high = match[1]
                length = low % 128 + 128 * sum(high)
                name = content[match.end() : match.end() + length]
                if len(name) == length:  # else it goes on in the next block
                    yield name.decode(errors='replace').replace('\0', '')
            rest = content[-LONGEST_LOCATION:]


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
