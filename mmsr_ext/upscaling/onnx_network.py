"""Run the network of an .onnx file as a PyTorch module."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from ..errors import InputError


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
        except Exception as error:  # ONNX Runtime's exceptions have no common base
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
                f'{len(outputs)} outputs; expected one image each, of floating-point numbers.'
            )
        self.input = inputs[0].name
        self.dtype = torch.float16 if inputs[0].type == 'tensor(float16)' else torch.float32

    def __deepcopy__(self, memo: dict) -> OnnxNetwork:
        return self  # a session has no state to copy

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, scale * H, scale * W), with the same dtype and device."""
        try:
            (output,) = self.session.run(None, {self.input: x.to('cpu', self.dtype).numpy()})
        except Exception as error:  # as above
            raise RuntimeError(str(error)) from error
        return torch.from_numpy(output).to(x)
