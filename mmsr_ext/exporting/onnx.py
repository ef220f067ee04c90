"""Networks as ONNX files, and running them in ONNX Runtime."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.onnx import errors, symbolic_helper

from ..errors import InputError

OPSET = 17  # the newest that the TorchScript exporter writes without the package onnxscript
BICUBIC = 'aten::_upsample_bicubic2d_aa'


def write_onnx(network: nn.Module, example: Tensor, path: Path, metadata: dict[str, str]) -> None:
    """Write a network with a dynamic batch, height and width.

    Args:
        network: In eval mode.
        example: An input, (N, C, H, W).
        path: The .onnx file.
        metadata: Goes into metadata_props.

    Raises:
        InputError: If the network has an operator that the exporter does not know.
    """
    import onnx

    axes = {
        'input': {0: 'batch', 2: 'height', 3: 'width'},
        'output': {0: 'batch', 2: 'output_height', 3: 'output_width'},
    }
    torch.onnx.register_custom_op_symbolic(BICUBIC, _bicubic, OPSET)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter(
                'ignore'
            )  # of checks of an image's size, which are not traced, and of the exporter's age
            torch.onnx.export(
                network,
                (example,),
                path,
                dynamo=False,
                opset_version=OPSET,
                input_names=['input'],
                output_names=['output'],
                dynamic_axes=axes,
            )
    except errors.OnnxExporterError as error:
        raise InputError(
            f'this network cannot be exported as ONNX: {str(error).splitlines()[0]}. Export it as '
            'safetensors.'
        ) from error
    finally:
        torch.onnx.unregister_custom_op_symbolic(BICUBIC, OPSET)
    model = onnx.load(path)
    model.doc_string = f'{metadata["architecture"]} x{metadata["scale"]}'
    onnx.helper.set_model_props(model, metadata)
    onnx.save(model, path)


def run_onnx(path: Path) -> Callable[[Tensor], Tensor]:
    """Return the network in an ONNX file as a function on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    return lambda x: torch.from_numpy(session.run(None, {'input': x.numpy()})[0])


def _bicubic(g: Any, x: Any, output_size: Any, align_corners: Any, scale_factors: Any) -> Any:
    """Write PyTorch's antialiased bicubic enlargement (a = -0.5), which the exporter does not know."""
    factors = symbolic_helper._maybe_get_const(scale_factors, 'fs')
    if not isinstance(factors, (list, tuple)) or min(factors) < 1:
        raise errors.OnnxExporterError(
            f'bicubic resizing by {factors}, which is no enlargement by given factors'
        )
    scales = g.op('Constant', value_t=torch.tensor([1.0, 1.0, *factors]))
    no_region = g.op('Constant', value_t=torch.tensor([]))
    return g.op(
        'Resize',
        x,
        no_region,
        scales,
        mode_s='cubic',
        cubic_coeff_a_f=-0.5,
        exclude_outside_i=1,
        coordinate_transformation_mode_s='half_pixel',
    )
