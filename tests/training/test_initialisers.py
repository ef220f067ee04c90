"""MMEngine's own initialiser, and its silence about what does not fit."""

import pytest
import torch
from support.configs import CONFIGS, tiny_options

from mmsr_ext import InputError
from mmsr_ext.apis import train
from mmsr_ext.models.backbones import RRDBNet

SMALL = dict(mid_channels=8, num_blocks=1, growth_channels=4)


@pytest.mark.parametrize('name', ['mmengine.Pretrained', 'mmengine.model.PretrainedInit'])
@pytest.mark.parametrize(
    ('saved', 'fits'),
    [
        (lambda: dict(state_dict=RRDBNet(**SMALL).state_dict()), True),
        (lambda: dict(state_dict=RRDBNet(**SMALL | dict(num_blocks=2)).state_dict()), False),
        (lambda: dict(params=RRDBNet(**SMALL).state_dict()), False),
    ],
)
def test_mmengines_initialiser_is_not_left_to_load_in_part(tmp_path, name, saved, fits):
    torch.save(saved(), tmp_path / 'net.pth')
    options = tiny_options(tmp_path) | dict(model=dict(generator=SMALL))
    options['model.generator.init_cfg'] = dict(type=name, checkpoint=str(tmp_path / 'net.pth'))

    def start():
        return train(str(CONFIGS / 'rrdb_x4.py'), str(tmp_path / 'run'), options=options)

    if fits:
        start()
    else:
        with pytest.raises(InputError, match=r'would leave random .*init_cfg\.type=Pretrained'):
            start()
