"""What is said of a restorer before its first iteration."""

import logging

import pytest
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope

from mmsr_ext.models import GANRestorer
from mmsr_ext.training.checks import warn_without_content_loss

L1 = dict(type='L1Loss', loss_weight=1.0, reduction='mean')


@pytest.mark.parametrize(
    ('losses', 'warned'),
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
def test_an_adversarial_loss_alone_is_warned_of(losses, warned, caplog):
    parts = dict(
        generator=dict(type='SRResNet', mid_channels=2, num_blocks=1, scale=2),
        discriminator=dict(type='PatchGANDiscriminator'),
        gan_loss=dict(type='AdversarialLoss', gan_type='vanilla'),
    )
    with DefaultScope.overwrite_default_scope('mmsr_ext'):
        model = GANRestorer(**parts | losses)
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        with caplog.at_level(logging.WARNING):
            warn_without_content_loss(model)
    finally:
        logger.removeHandler(caplog.handler)
    assert ('adversarial loss and no other' in caplog.text) == warned
