"""Run the network of an .onnx file as a PyTorch module."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..machine import little_memory

TRIAL_BYTES = 2**30  # beside twice the file, for a graph that nobody has run yet, on a small image
TRIAL_SECONDS = 5.0
LOCATION = re.compile(
    rb'\n\x08location\x12([\x01-\x7f]|[\x80-\xff][\x01-\x7f])'
)  # where data are beside the file


NO_MEMORY = ('bad_alloc', 'Failed to allocate memory', 'bad allocation')


class TooMuch(Exception):
    """A graph takes more memory or time than a generator does; the message says which."""


class OnnxNetwork(nn.Module):
    """A network that ONNX Runtime computes; images pass through the host.

    Args:
        path: An .onnx file with one input and one output, both images in [0, 1] as (N, C, H, W), of any size,
            such as ``tools/export.py`` writes.

    Raises:
        InputError: If ONNX Runtime is not installed, or cannot read the file.
    """

    # the layers are not visible: assume two maps of 64 channels at four times the input's size
    values_per_pixel = 2 * 64 * 4**2
    unfit = frozenset({torch.float16, torch.bfloat16})  # the file fixes the precision

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        try:
            import onnxruntime  # noqa: F401
        except ImportError:
            raise InputError(f"{path}: .onnx files need ONNX Runtime: pip install -e '.[export]'") from None
        if not Path(path).is_file():
            raise InputError(f'{path} does not exist.')
        self.path = Path(path)
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
        ):
            raise InputError(
                f'{path} takes {", ".join(f"{each.name} ({each.type})" for each in inputs)} and gives '
                f'{len(outputs)} outputs; expected one image each, of floating-point numbers.'
            )
        self.input = inputs[0].name
        self.dtype = torch.float16 if inputs[0].type == 'tensor(float16)' else torch.float32

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
        """Map (N, C, H, W) to (N, C, scale * H, scale * W), with the same dtype and device."""
        options = self._trial() if self._trial else None
        timer = Timer(TRIAL_SECONDS, setattr, (options, 'terminate', True)) if options else None
        if timer:
            timer.start()
        try:
            (output,) = self.session.run(None, {self.input: x.to('cpu', self.dtype).numpy()}, options)
        except Exception as error:  # ONNX Runtime's exceptions have no common base
            if options and options.terminate:
                raise TooMuch(
                    f'{self.path} takes more than {TRIAL_SECONDS:g} s for an image of {x.shape[-1]} px. Give '
                    'the file of a generator.'
                ) from error
            if options and any(sign in str(error) for sign in NO_MEMORY):
                raise TooMuch(
                    f'{self.path} takes more than {self._trial_bytes():,} bytes of memory for an image of '
                    f'{x.shape[-1]} px ({_line(error)}). Give the file of a generator.'
                ) from error
            raise RuntimeError(str(error)) from error
        finally:
            if timer:
                timer.cancel()
        return torch.from_numpy(output).to(x)

    def _trial_bytes(self) -> int:
        return 2 * self.path.stat().st_size + TRIAL_BYTES

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
    with open(path, 'rb') as file:
        if not path.stat().st_size:
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            for match in LOCATION.finditer(content):
                low, *high = match[1]
                length = low % 128 + 128 * sum(high)
                name = content[match.end() : match.end() + length].decode(errors='replace').replace('\0', '')
                if not (folder / name).resolve().is_relative_to(folder):
                    raise InputError(
                        f'{path} reads its weights from {name!r}, outside its folder. Give a file whose '
                        'weights are in it, or beside it.'
                    )


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
