"""What makes a network a generator that is loaded, exported and described without being listed anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from mmengine.model import BaseModule
from torch import Tensor


class Generator(BaseModule):
    """Base of the networks that make images.

    A subclass that is registered in ``MODELS`` is found by ``load_generator``, ``export`` and the reference.
    It sets ``scale`` and, where it can, says more of itself.

    Attributes:
        scale: Output size / input size.
        aliases: Names that other projects give to the same network in their configs.
        basicsr: Whether BasicSR has the network, under the same names of weights; its class where that has
            another name.
        mmagic: Whether MMagic has.
        recognised_last: Whether it recognises files of other classes too, which are asked first.
    """

    scale: int
    aliases: ClassVar[tuple[str, ...]] = ()
    basicsr: ClassVar[bool | str] = False
    mmagic: ClassVar[bool] = False
    recognised_last: ClassVar[bool] = False

    @classmethod
    def recognise(cls, weights: Mapping[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """Read the hyper-parameters off the weights.

        A missing weight or one of another shape may raise LookupError, TypeError, ValueError or
        AttributeError: the weights are then of another architecture.

        Args:
            weights: A state_dict, of this project or another.

        Returns:
            Arguments of the constructor, and the weights under this class's names; None if the weights are of
            another architecture or do not tell.
        """
        return None

    @classmethod
    def adapt(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        """Translate the arguments that a config of another project has for the same network."""
        arguments = dict(arguments)
        if 'upscale_factor' in arguments:  # MMagic's name
            arguments['scale'] = arguments.pop('upscale_factor')
        return arguments

    @classmethod
    def complete(cls, arguments: dict[str, Any], weights: Mapping[str, Tensor]) -> dict[str, Any]:
        """Add the arguments that a file leaves to its weights."""
        return arguments

    @staticmethod
    def file_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weights under the names that they have in an exported file."""
        return dict(weights)

    @classmethod
    def spandrel(cls, arguments: Mapping[str, Any], names: str) -> str | None:
        """Say as which architecture spandrel, and so chaiNNer, loads the weights.

        Args:
            arguments: All arguments of the constructor.
            names: Whose names the weights have; see ``export``.

        Returns:
            spandrel's name, with a remark after a full stop where there is one; None if it does not know the
            network.
        """
        return None

    @staticmethod
    def authors_names(
        weights: Mapping[str, Tensor], arguments: Mapping[str, Any]
    ) -> dict[str, Tensor] | None:
        """Return the weights under the names that the network's authors gave them; None if those are ours.

        Raises:
            InputError: For a network that the authors' code cannot build.
        """
        return None
