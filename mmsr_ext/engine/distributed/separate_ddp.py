"""Training in several processes, with CPUs or GPUs."""

from __future__ import annotations

from typing import Any

from mmengine.device import get_device
from torch import Tensor, nn

from ...errors import InputError
from ...registry import MODEL_WRAPPERS
from .named_ddp import NamedDDP
from .sync_batch_norm import SyncBatchNorm


@MODEL_WRAPPERS.register_module()
class SeparateDDP(nn.Module):
    """Wraps the generator and the discriminator of a GANRestorer in a DistributedDataParallel each.

    Does what MMEngine's ``MMSeparateDistributedDataParallel`` is for, and also works on CPUs (with
    ``sync_bn='torch'`` in the config, too), does not exchange gradients while they accumulate, and leaves the
    names in the checkpoint as they are in one process.

    Args:
        module: A GANRestorer.
        broadcast_buffers: Copy the buffers of rank 0 before each forward; has to be False for batch
            normalisation in a GAN.
        **kwargs: See DistributedDataParallel.

    Raises:
        InputError: For another kind of model.
    """

    module: Any

    def __init__(self, module: Any, broadcast_buffers: bool = False, **kwargs: Any) -> None:
        super().__init__()
        if not hasattr(module, 'parallelize'):
            raise InputError(
                f'SeparateDDP wraps a GANRestorer, or another model with a method parallelize(wrap), but '
                f"model.type is {type(module).__name__}. Set model_wrapper_cfg=dict(type='{_other(module)}')."
            )
        self.module = module.to(get_device())
        if get_device() == 'cpu':
            _replace_batch_norm(module)
        module.parallelize(
            lambda name, network: NamedDDP(
                f'model.{name}', network, broadcast_buffers=broadcast_buffers, **kwargs
            )
        )

    def train_step(self, data: Any, optim_wrapper: Any) -> dict[str, Tensor]:
        """See ``GANRestorer.train_step``."""
        return self.module.train_step(data, optim_wrapper)

    def val_step(self, data: Any) -> list:
        """See MMEngine's ``BaseModel.val_step``."""
        return self.module.val_step(data)

    def test_step(self, data: Any) -> list:
        """See MMEngine's ``BaseModel.test_step``."""
        return self.module.test_step(data)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """See ``GANRestorer.forward``."""
        return self.module(*args, **kwargs)


def _other(module: nn.Module) -> str:
    """Return MMEngine's wrapper for a model with a step for each of its networks, or for any other."""
    own_step = hasattr(module, 'generator') and hasattr(module, 'discriminator')
    return 'MMSeparateDistributedDataParallel' if own_step else 'MMDistributedDataParallel'


def _replace_batch_norm(module: nn.Module) -> None:
    """Replace PyTorch's synchronised batch normalisation, which needs a GPU, by ours."""
    for name, child in module.named_children():
        if type(child) is not nn.SyncBatchNorm:
            _replace_batch_norm(child)
            continue
        own = SyncBatchNorm(
            child.num_features, child.eps, child.momentum, child.affine, child.track_running_stats
        )
        own.weight, own.bias = child.weight, child.bias
        own.running_mean, own.running_var = child.running_mean, child.running_var
        own.num_batches_tracked = child.num_batches_tracked
        own.training = child.training
        setattr(module, name, own)
