"""What is said of a restorer before its first iteration."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch import nn
from torch.utils.data import ConcatDataset, Dataset, Subset

from mmsr_ext import InputError
from mmsr_ext.models import ESPCN, GANRestorer
from mmsr_ext.training.checks import check_channels, check_content_loss, check_scales

L1 = dict(type='L1Loss', loss_weight=1.0, reduction='mean')


@pytest.mark.parametrize(
    ('losses', 'refused'),
    [
        (dict(), True),
        (dict(pixel_loss=L1), False),
        (dict(extra_losses=dict(other=L1)), False),
        (
            dict(
                perceptual_loss=dict(
                    type='PerceptualLoss', layer_weights={'VGG22': 1.0}, pretrained='builtin'
                )
            ),
            False,
        ),
        (dict(gan_loss=None, pixel_loss=L1), False),
    ],
)
def test_an_adversarial_loss_alone_is_refused(losses, refused):
    parts = dict(
        generator=dict(type='SRResNet', mid_channels=2, num_blocks=1, scale=2),
        discriminator=dict(type='PatchGANDiscriminator'),
        gan_loss=dict(type='AdversarialLoss', gan_type='vanilla'),
    )
    with DefaultScope.overwrite_default_scope('mmsr_ext'):
        model = GANRestorer(**parts | losses)
    with pytest.raises(InputError, match='adversarial loss and no other') if refused else nullcontext():
        check_content_loss('config mine.py', model)


class Pairs(Dataset):
    scale = 2

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return index


def test_the_scale_of_a_dataset_is_seen_through_wrappers():
    inner = Pairs()
    model = SimpleNamespace(generator=SimpleNamespace(scale=4))
    for dataset in (inner, ConcatDataset([Subset([1], [0]), Subset(inner, [0])])):
        with pytest.raises(InputError, match=r'Pairs of train_dataloader has scale 2.* by 4'):
            check_scales(Config(filename=None), model, {'train_dataloader': [dataset]})


class Data:
    def __init__(self, channels=None):
        if channels:
            self.channels = channels


@pytest.mark.parametrize(('takes', 'gives'), [(1, 3), (3, 1)])
def test_other_channels_than_the_generator_takes(takes, gives):
    model = nn.Module()
    model.generator = ESPCN(takes, takes, scale=2)
    check_channels(Config(), model, dict(train_dataloader=[Data(takes)], val_dataloader=[Data()]))
    with pytest.raises(InputError, match=f'Set val_dataloader.dataset.channels={takes}') as error:
        check_channels(Config(), model, dict(train_dataloader=[Data(takes)], val_dataloader=[Data(gives)]))
    assert f'{gives} channel' in str(error.value)
