"""A generator of any architecture of spandrel."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
from mmengine.logging import print_log
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from ...arguments import Size, nearest
from ...errors import InputError
from ...registry import MODELS
from ...weights import generator_part, read_checkpoint
from .generator import Generator
from .spandrel_classes import PERMISSIVE, SpandrelClass, spandrel_class, spandrel_classes, spandrel_module

PREFIX = 'network.'
PROBE = 16  # px, at least, of the image that a new network is tried on


@MODELS.register_module()
class SpandrelNet(Generator):
    """An architecture of the installed spandrel, trained, exported and upscaled with as our own.

    Images whose size an architecture does not take are mirrored to one that it does, and its output is cut;
    of several outputs the first is taken, and values are mapped to [0, 1] as spandrel does. Parameters that
    no output depends on are frozen, which is logged. A batch normalisation of a single value, as DAT has for
    a batch of 1, uses its running statistics. Where an architecture is not known to work in half precision
    it computes in float32 under automatic mixed precision.

    Names in exported files are spandrel's, so that chaiNNer loads them.

    Source: spandrel (MIT); each architecture has its authors' licence, which ``licence`` holds.

    Args:
        architecture: spandrel's name, such as 'HAT' or 'RealPLKSR'; by default it follows from the weights of
            ``init_cfg``, with all arguments.
        scale: Output size / input size, whatever the class calls it; by default that of the class, or of the
            weights.
        accept_license: Name of the licence, for an architecture whose licence is not permissive.
        init_cfg: See MMEngine's BaseModule; ``dict(type='Pretrained', checkpoint=FILE)`` starts from a
            published file.
        **arguments: Of the architecture's class.

    Attributes:
        arguments: All arguments from which the same network is built.
        licence: Of the architecture's code.
        source: Address of its authors' code.
        channels: Of the images that it takes.
        frozen: Names of the parameters that no output depends on.

    Raises:
        InputError: If spandrel is not installed, or for an unknown architecture or argument, a licence that
            is not accepted, a scale that the architecture does not have, or a network that does not map
            images to images.
    """

    keeps_keywords = True  # which are those of the architecture's class
    recognised_last = True  # ours know their own files

    def __init__(
        self,
        architecture: str | None = None,
        scale: Size | None = None,
        accept_license: str | None = None,
        init_cfg: dict | None = None,
        **arguments: Any,
    ) -> None:
        super().__init__(init_cfg)
        if architecture is None:
            said = _arguments_in(init_cfg)
            architecture = said.pop('architecture')
            given = {} if scale is None else {'scale': scale}
            merged = said | arguments | given
            scale, arguments = merged.pop('scale', None), merged
        chosen = spandrel_class(architecture, scale)
        chosen.check_licence(accept_license)
        arguments = _checked(chosen, scale, arguments)
        try:
            self.network = chosen.kind(**arguments)
        except (TypeError, ValueError, RuntimeError, AssertionError, LookupError, ArithmeticError) as error:
            raise InputError(
                f'SpandrelNet: {chosen.name} cannot be built ({_line(error)}); it got '
                f'{", ".join(f"{key}={value!r}" for key, value in arguments.items()) or "no arguments"}.'
            ) from error
        self._descriptor = _Described(chosen, self.network)
        self._spandrel, self.licence, self.source = chosen, chosen.licence, chosen.source
        self.scale, self.channels = self._descriptor.scale, self._descriptor.channels
        self.unfit = self._descriptor.unfit
        self.arguments = _all_arguments(chosen, self.network, self.scale, accept_license)
        for layer in self.network.modules():
            if isinstance(layer, _BatchNorm):
                layer.register_forward_pre_hook(_use_running_statistics)
                layer.register_forward_hook(_use_batch_statistics)
        self._said_precision = False
        self.frozen = self._probe(scale)
        print_log(
            f'SpandrelNet: {chosen.name} x{self.scale}, licence {self.licence}, {self.source}', 'current'
        )
        if self.frozen:
            for name in self.frozen:
                self.network.get_parameter(name).requires_grad_(False)
            print_log(
                f'SpandrelNet: {len(self.frozen)} parameters of {chosen.name} are frozen, because no output '
                f'depends on them: {", ".join(self.frozen[:3])}{", ..." if len(self.frozen) > 3 else ""}',
                'current',
            )

    def forward(self, x: Tensor) -> Tensor:
        """Compute the image.

        Args:
            x: (N, C, h, w) in [0, 1].

        Returns:
            (N, C, h * scale, w * scale).
        """
        device = x.device.type
        if torch.is_autocast_enabled(device) and torch.get_autocast_dtype(device) in self.unfit:
            if not self._said_precision:
                self._said_precision = True
                print_log(
                    f'SpandrelNet: {self._spandrel.name} is not known to work in '
                    f'{torch.get_autocast_dtype(device)}, and computes in float32.',
                    'current',
                )
            with torch.autocast(device, enabled=False):
                return self._padded(x.float())
        return self._padded(x)

    def _padded(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        right, below = self._descriptor.padding(width, height)
        if right or below:
            x = _extended(x, right, below)
        output = self._descriptor.call(self.network, x)
        return output[..., : height * self.scale, : width * self.scale] if right or below else output

    def _probe(self, scale: int | None) -> list[str]:
        """Run a copy on a small image; check its output and return the parameters without gradient."""
        name, faults = self._spandrel.name, []
        for self._descriptor.one_by_one in (False, True):
            trial = deepcopy(self).train()
            try:
                with torch.random.fork_rng(devices=[]), torch.enable_grad():
                    output = trial(torch.rand(2, self.channels, PROBE, PROBE))
                    shape = tuple(output.shape)
                    output.sum().backward()
                break
            except (
                TypeError,
                ValueError,
                RuntimeError,
                AssertionError,
                LookupError,
                AttributeError,
            ) as error:
                faults.append(error)
        else:
            raise InputError(
                f'SpandrelNet: {name} does not train on images with these arguments ({_line(faults[0])}).'
            ) from faults[0]
        real = shape[-1] // PROBE
        if scale is not None and real != scale:
            raise InputError(
                f'SpandrelNet: {name} with these arguments has scale {real}, but scale={scale} is asked for. '
                f'{_scale_advice(self._spandrel)}'
            )
        if shape != (2, self.channels, PROBE * self.scale, PROBE * self.scale):
            raise InputError(
                f'SpandrelNet: {name} maps {PROBE}x{PROBE} px of {self.channels} channels to {shape}; '
                f'expected {self.channels} channels, and the size times {self.scale}. '
                f'{_scale_advice(self._spandrel)}'
            )
        return [key for key, value in trial.network.named_parameters() if value.grad is None]

    # -- files -------------------------------------------------------------------------------------------

    def own_names(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weights of a file, of spandrel's names or older ones, under the names here."""
        own = self.state_dict()
        named = {key if key.startswith(PREFIX) else PREFIX + key: value for key, value in weights.items()}
        if named.keys() == own.keys():
            return named
        known = _described(weights)
        if known is not None and PREFIX + next(iter(known.model.state_dict()), '') in own:
            return {PREFIX + key: value for key, value in known.model.state_dict().items()}
        return named

    @staticmethod
    def file_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weights under spandrel's names."""
        return {key.removeprefix(PREFIX): value for key, value in weights.items()}

    @classmethod
    def recognise(cls, weights: Mapping[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """Read architecture and arguments off the weights, as spandrel does; None without spandrel.

        Architectures whose licence is not permissive are not recognised.
        """
        try:
            spandrel_module()
        except InputError:
            return None
        found = _described({key.removeprefix(PREFIX): value for key, value in weights.items()})
        if found is None:
            return None
        chosen = _class_of(found)
        if chosen.licence not in PERMISSIVE:
            return None
        args = _all_arguments(chosen, found.model, found.scale, None)
        return args, {PREFIX + key: value for key, value in found.model.state_dict().items()}

    @classmethod
    def complete(cls, arguments: dict[str, Any], weights: Mapping[str, Tensor]) -> dict[str, Any]:
        """Add what follows from the weights to arguments that do not name the architecture."""
        if 'architecture' in arguments:
            return arguments
        found = cls.recognise(weights)
        return found[0] | arguments if found else arguments

    def reread(self) -> str | None:
        """Say as which architecture spandrel loads the weights, found by letting it load them.

        Returns:
            spandrel's name, with a remark where the output differs; None if it does not load them.
        """
        found = _described({key: value.clone() for key, value in self.network.state_dict().items()})
        if found is None:
            return None
        name = found.architecture.id
        size = max(2 * PROBE, found.size_requirements.minimum)
        image = torch.rand(1, self.channels, size, size, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            expected = deepcopy(self).cpu().float().eval()(image).clamp(0, 1)
        difference = (found(image) - expected).abs().max().item()
        if difference <= 1e-4:
            return name
        return f'{name}. Its output there differs by {difference:.2g}: the weights do not tell all arguments.'


class _Described:
    """What spandrel says of a network: how it is called, and what it takes."""

    def __init__(self, chosen: SpandrelClass, network: nn.Module) -> None:
        weights = {key: value.detach().clone() for key, value in network.state_dict().items()}
        try:
            with torch.random.fork_rng(devices=[]):
                found = chosen.architecture.load(weights)
        except Exception as error:  # any kind: each architecture reads shapes in its own way
            raise InputError(
                f'SpandrelNet: spandrel does not read {chosen.name} with these arguments back from its '
                f'weights ({_line(error)}). Give others.'
            ) from error
        if not isinstance(found, spandrel_module().ImageModelDescriptor):
            raise InputError(
                f'SpandrelNet: {chosen.name} takes more than an image ({type(found).__name__}), and cannot '
                'be a generator.'
            )
        if found.input_channels != found.output_channels:
            raise InputError(
                f'SpandrelNet: {chosen.name} with these arguments takes {found.input_channels} channels and '
                f'gives {found.output_channels}; expected as many. Give its arguments for the channels.'
            )
        self.scale, self.channels = int(found.scale), int(found.input_channels)
        self.unfit = {
            dtype
            for dtype, fit in [
                (torch.float16, found.supports_half),
                (torch.bfloat16, found.supports_bfloat16),
            ]
            if not fit
        }
        self._size, self._call = found.size_requirements, found._call_fn
        self.one_by_one = False  # the images of a batch, where the class takes single images only

    def padding(self, width: int, height: int) -> tuple[int, int]:
        """Return by how many pixels an image has to be extended at the right and below."""
        return self._size.get_padding(width, height)

    def call(self, network: nn.Module, x: Tensor) -> Tensor:
        """Run a network, with what spandrel does before and after."""
        if self.one_by_one and len(x) > 1:
            return torch.cat([self.call(network, image) for image in x.split(1)])
        output = self._call(network, x)
        return output if isinstance(output, Tensor) else output[0]


def _checked(chosen: SpandrelClass, scale: int | None, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments with the scale under the class's name for it."""
    parameters = {
        name: one
        for name, one in inspect.signature(chosen.kind).parameters.items()
        if not name.endswith('_path')  # a file that the class would load by itself
    }
    for key in arguments:
        if key not in parameters or key == chosen.scale_name:
            advice = "did you mean 'scale'?" if key == chosen.scale_name else nearest(key, parameters)
            raise InputError(
                f'SpandrelNet: {chosen.name} has no argument {key!r}; '
                f'{advice or "it has " + ", ".join(sorted(parameters)) + "."}'
            )
    arguments = dict(arguments)
    if scale is not None and chosen.scale_name is not None:
        arguments[chosen.scale_name] = [scale] if chosen.name == 'IPT' else scale
    missing = [name for name, one in parameters.items() if one.default is one.empty and name not in arguments]
    if missing:
        raise InputError(f'SpandrelNet: {chosen.name} needs the argument {missing[0]!r}; give it.')
    return arguments


def _all_arguments(
    chosen: SpandrelClass, network: Any, scale: int, accept_license: str | None
) -> dict[str, Any]:
    arguments: dict[str, Any] = dict(architecture=chosen.name, scale=scale)
    if accept_license is not None:
        arguments['accept_license'] = accept_license
    for key, value in network.hyperparameters.items():
        if (
            key != chosen.scale_name
            and not key.endswith('_path')
            and key in inspect.signature(chosen.kind).parameters
        ):
            try:
                arguments[key] = json.loads(json.dumps(value))
            except (TypeError, ValueError):
                continue  # a default that is no value, such as a class of layers
    return arguments


def _line(error: Exception) -> str:
    return ' '.join(str(error).split())[:200] or type(error).__name__


def _scale_advice(chosen: SpandrelClass) -> str:
    if chosen.scale_name is None:
        return f'{chosen.name} has one scale; leave scale out, or choose another architecture.'
    if 'upsampler' in inspect.signature(chosen.kind).parameters:
        return "Give upsampler too, such as upsampler='pixelshuffle' or 'pixelshuffledirect'."
    return 'Choose another scale.'


def _arguments_in(init_cfg: dict | None) -> dict[str, Any]:
    """Return architecture, scale and arguments of the file that ``init_cfg`` names."""
    path = (init_cfg or {}).get('checkpoint')
    if not path:
        raise InputError(
            "SpandrelNet: give architecture, such as 'HAT', or a file from which it follows: "
            "init_cfg=dict(type='Pretrained', checkpoint=FILE)"
        )
    content = read_checkpoint(path)
    found = SpandrelNet.recognise(generator_part(content, path))
    if found is None:
        raise InputError(
            f'SpandrelNet: {path} is of no architecture that spandrel recognises and whose licence is '
            'permissive. Give architecture and its arguments.'
        )
    return found[0]


def _described(weights: Mapping[str, Tensor]) -> Any:
    """Return spandrel's descriptor of weights; None for those that it does not know."""
    spandrel = spandrel_module()
    try:
        with torch.random.fork_rng(devices=[]):
            found = spandrel.ModelLoader().load_from_state_dict(dict(weights))
    except Exception:  # any kind: each architecture reads shapes in its own way
        return None
    return found if isinstance(found, spandrel.ImageModelDescriptor) else None


def _class_of(descriptor: Any) -> SpandrelClass:
    return next(one for one in spandrel_classes() if one.kind is type(descriptor.model))


def _extended(x: Tensor, right: int, below: int) -> Tensor:
    """Extend images by mirroring, also by more than their size."""
    while right or below:
        height, width = x.shape[-2:]
        step = [min(right, width - 1), min(below, height - 1)]
        if (right and not step[0]) or (below and not step[1]):
            return F.pad(x, (0, right, 0, below), mode='replicate')
        x = F.pad(x, (0, step[0], 0, step[1]), mode='reflect')
        right, below = right - step[0], below - step[1]
    return x


def _use_running_statistics(layer: Any, inputs: tuple[Tensor, ...]) -> None:
    """Put a batch normalisation that gets a single value per channel into eval mode for this call."""
    layer.single_value = layer.training and inputs[0].numel() == inputs[0].shape[1]
    if layer.single_value:
        layer.training = False


def _use_batch_statistics(layer: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    if layer.single_value:
        layer.training = True
