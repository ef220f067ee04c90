"""A network in an .onnx file as a module."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from ..errors import InputError


class OnnxNetwork(nn.Module):
    """A network that ONNX Runtime computes; images come from the host and go back to it.

    Args:
        path: An .onnx file with one input and one output, both images in [0, 1] as (N, C, H, W), of any size,
            such as ``tools/export.py`` writes.

    Raises:
        InputError: If ONNX Runtime is not installed, or cannot read the file.
    """

    # two maps of 64 channels at the size of a result that is four times as large, since the layers cannot be
    # looked at
    values_per_pixel = 2 * 64 * 4**2
    unfit = frozenset({torch.float16, torch.bfloat16})  # its precision is the file's

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        try:
            import onnxruntime
        except ImportError:
            raise InputError(f"{path}: .onnx files need ONNX Runtime: pip install -e '.[export]'") from None
        if not Path(path).is_file():
            raise InputError(f'{path} does not exist.')
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        wanted = [
            name
            for name in ('CUDAExecutionProvider', 'CPUExecutionProvider')
            if name in onnxruntime.get_available_providers()
        ]
        try:
            self.session = onnxruntime.InferenceSession(str(path), options, wanted)
        except Exception as error:  # of its own kinds, without a common one
            raise InputError(
                f'{path} cannot be read by ONNX Runtime {onnxruntime.__version__}: '
                f'{str(error).splitlines()[0]}'
            ) from error
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        if (
            len(inputs) != 1
            or len(outputs) != 1
            or inputs[0].type not in ('tensor(float)', 'tensor(float16)')
        ):
            raise InputError(
                f'{path} takes {", ".join(f"{each.name} ({each.type})" for each in inputs)} and gives '
                f'{len(outputs)} outputs; expected one image each, as float numbers.'
            )
        self.input = inputs[0].name
        self.dtype = torch.float16 if inputs[0].type == 'tensor(float16)' else torch.float32

    def __deepcopy__(self, memo: dict) -> OnnxNetwork:
        return self  # it has no state

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, scale H, scale W), of the same type, on the same device."""
        try:
            (output,) = self.session.run(None, {self.input: x.to('cpu', self.dtype).numpy()})
        except Exception as error:  # of its own kinds, without a common one
            raise RuntimeError(str(error)) from error
        return torch.from_numpy(output).to(x)
