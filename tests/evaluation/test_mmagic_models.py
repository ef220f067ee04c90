"""Models and data of MMagic's own kinds, measured by the command's function."""

import json
import shutil

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import DefaultScope
from PIL import Image
from skimage.data import astronaut
from skimage.metrics import peak_signal_noise_ratio

from mmsr_ext import InputError
from mmsr_ext.apis import evaluate
from mmsr_ext.evaluation.measure import _scale
from mmsr_ext.evaluation.tested_model import baseline_in, drop_training_parts
from mmsr_ext.models.restorers import GANRestorer
from mmsr_ext.registry import MODELS

SRCNN = dict(type='SRCNNNet', channels=(3, 4, 4, 3), kernel_sizes=(3, 1, 3), upscale_factor=4)
EDSR = dict(type='EDSRNet', in_channels=3, out_channels=3, mid_channels=4, num_blocks=1, upscale_factor=4)
RESNET = dict(type='MSRResNet', in_channels=3, out_channels=3, mid_channels=4, num_blocks=1, upscale_factor=4)
L1 = dict(type='L1Loss', loss_weight=1.0, reduction='mean')
BODY = dict(
    train_cfg=dict(),
    test_cfg=dict(),
    data_preprocessor=dict(type='DataPreprocessor', mean=[0.0] * 3, std=[255.0] * 3),
)
ADVERSARY = dict(
    discriminator=dict(type='ModifiedVGG', in_channels=3, mid_channels=4),
    gan_loss=dict(type='GANLoss', gan_type='vanilla', real_label_val=1.0, fake_label_val=0),
)
MODELS_OF_MMAGIC = {
    'SRCNN': dict(type='BaseEditModel', generator=SRCNN, pixel_loss=L1),
    'EDSR': dict(type='BaseEditModel', generator=EDSR, pixel_loss=L1),
    'SRGAN': dict(type='SRGAN', generator=RESNET, pixel_loss=L1, **ADVERSARY),
    'ESRGAN': dict(type='ESRGAN', generator=RESNET, pixel_loss=L1, **ADVERSARY),
    'RealESRGAN': dict(type='RealESRGAN', generator=RESNET, pixel_loss=L1, is_use_ema=True, **ADVERSARY),
}


@pytest.fixture
def write(tmp_path, in_root):
    """Return a function that writes a config of a model and of test sets, with a checkpoint beside it."""

    def pairs(folder):
        for part, step in [('GTmod12', 1), ('LRbicx4', 4)]:
            (folder / part).mkdir(parents=True, exist_ok=True)
            for name, start in [('a', 0), ('b', 100)]:
                image = astronaut()[start : start + 48 : step, start : start + 64 : step]
                Image.fromarray(image).save(folder / part / f'{name}.png')

    def write(model, sets):
        loaders, evaluators = [], []
        load = [dict(type='LoadImageFromFile', key=key, channel_order='rgb') for key in ('img', 'gt')]
        for prefix, (folder, dataset_type) in sets.items():
            pairs(tmp_path / folder)
            dataset = dict(
                type='BasicImageDataset',
                metainfo=dict(dataset_type=dataset_type, task_name='sisr') if dataset_type else None,
                data_root=str(tmp_path / folder),
                data_prefix=dict(img='LRbicx4', gt='GTmod12'),
                pipeline=[*load, dict(type='PackInputs')],
            )
            sampler = dict(type='DefaultSampler', shuffle=False)
            loaders.append(dict(num_workers=0, persistent_workers=False, sampler=sampler, dataset=dataset))
            metrics = [dict(type=metric, crop_border=4, prefix=prefix) for metric in ('PSNR', 'SSIM')]
            evaluators.append(dict(type='Evaluator', metrics=metrics))
        model = {**BODY, **model}
        (tmp_path / 'recipe.py').write_text(
            f"default_scope = 'mmagic'\nmodel = {model!r}\ntest_cfg = dict(type='MultiTestLoop')\n"
            f'test_dataloader = {loaders!r}\ntest_evaluator = {evaluators!r}\n'
        )
        with DefaultScope.overwrite_default_scope('mmagic'):
            network = MODELS.build(model['generator'])
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.2)
        weights = {f'generator.{key}': value for key, value in network.state_dict().items()}
        torch.save(dict(state_dict=weights), tmp_path / 'net.pth')
        return network.eval()

    return write


def measure(tmp_path, **kwargs):
    return evaluate(
        str(tmp_path / 'recipe.py'), [str(tmp_path / 'net.pth')], work_dir=str(tmp_path / 'w'), **kwargs
    )


@pytest.mark.parametrize('kind', MODELS_OF_MMAGIC)
def test_models_of_mmagic_are_measured(kind, write, tmp_path):
    network = write(MODELS_OF_MMAGIC[kind], {'Set5': ('data/Set5', 'set5')})
    result = measure(tmp_path, json_file=str(tmp_path / 'out.json'), benchmarks=str(tmp_path / 'benchmarks'))
    (part,) = result.sets
    assert list(part.images) == ['a', 'b']
    expected = []
    for name in part.images:
        gt, lq = (
            np.array(Image.open(tmp_path / 'data/Set5' / folder / f'{name}.png'))
            for folder in ('GTmod12', 'LRbicx4')
        )
        with torch.no_grad():
            output = network(torch.from_numpy(lq).permute(2, 0, 1)[None].float() / 255)[0]
        output = (output.permute(1, 2, 0) * 255).clamp(0, 255).double().numpy()
        expected.append(peak_signal_noise_ratio(gt[4:-4, 4:-4] / 1.0, output[4:-4, 4:-4], data_range=255))
        assert (np.array(Image.open(part.folder / 'GT' / f'{name}.png')) == gt).all()
        saved = np.array(Image.open(part.folder / 'net' / f'{name}.png'))
        assert np.abs(saved - output).max() <= 0.5 + 1e-3  # rounded, not cut off
        assert part.images[name].seconds['net'] > 0
    assert part.figures['net']['Set5/PSNR'] == pytest.approx(np.mean(expected), abs=2e-3)
    (written,) = json.loads((tmp_path / 'out.json').read_text())['sets'].values()
    assert written['figures']['net']['Set5/PSNR'] == part.figures['net']['Set5/PSNR']


def test_benchmark_sets_measure_models_of_mmagic(write, tmp_path):
    write(MODELS_OF_MMAGIC['SRGAN'], {'mine': ('data/mine', None)})
    (tmp_path / 'benchmarks/Set14/GT').mkdir(parents=True)
    Image.fromarray(astronaut()[:64, :80]).save(tmp_path / 'benchmarks/Set14/GT/c.png')
    result = measure(tmp_path, benchmarks=str(tmp_path / 'benchmarks'))
    assert [(part.name, list(part.images)) for part in result.sets] == [
        ('Set14', ['c']),
        ('mine', ['a', 'b']),
    ]
    assert result.sets[0].figures['net']['PSNR-RGB'] > 0
    assert len({part.folder for part in result.sets}) == 2


@pytest.mark.parametrize(
    ('sets', 'names'),
    [
        ([('data/Set5', 'set5'), ('data/Set14', 'set14'), ('data/own', None)], ['set5', 'set14', 'own']),
        ([(f'{one}/photos', 'sr') for one in 'abc'], ['sr', 'sr-2', 'sr-3']),
        ([(f'{one}/data/photos', None) for one in 'abc'], ['photos', 'photos-2', 'photos-3']),
        ([('a', 'sr'), ('b', 'sr-2'), ('c', 'sr')], ['sr', 'sr-2', 'sr-3']),
        ([('a', 'sr'), ('b', 'x/sr'), ('c', 'SR')], ['sr', 'x sr', 'SR-2']),
    ],
)
def test_sets_keep_apart(sets, names, write, tmp_path):
    write(MODELS_OF_MMAGIC['SRCNN'], dict(zip('uvw', sets)))
    page = tmp_path / 'report.html'
    result = measure(tmp_path, json_file=str(tmp_path / 'out.json'), out=str(page))
    assert [part.name for part in result.sets] == names
    assert len({str(part.folder).lower() for part in result.sets}) == 3
    for part, prefix in zip(result.sets, 'uvw'):
        assert set(part.figures['net']) == {f'{prefix}/PSNR', f'{prefix}/SSIM', 's/image', 'MP/s'}
        assert sorted(path.name for path in (part.folder / 'net').iterdir()) == ['a.png', 'b.png']
    assert list(json.loads((tmp_path / 'out.json').read_text())['sets']) == names


@pytest.mark.parametrize('prefix', ['u', None])
def test_sets_with_one_prefix_are_measured_each(prefix, write, tmp_path):
    """MMagic's own loop refuses them; what they are called in the table stays."""
    write(MODELS_OF_MMAGIC['SRCNN'], {'u': ('data/Set5', 'set5'), 'v': ('data/Set14', 'set14')})
    recipe = tmp_path / 'recipe.py'
    recipe.write_text(
        recipe.read_text() + f'\nfor evaluator in test_evaluator:\n    for metric in evaluator["metrics"]:\n'
        f'        metric["prefix"] = {prefix!r}\n'
    )
    result = measure(tmp_path)
    start = f'{prefix}/' if prefix else ''
    for part in result.sets:
        assert set(part.figures['net']) == {f'{start}PSNR', f'{start}SSIM', 's/image', 'MP/s'}
        assert part.protocol.startswith('outputs not rounded, border of 4 px')


def test_missing_sets_of_mmagic_are_left_out(write, tmp_path):
    write(MODELS_OF_MMAGIC['SRCNN'], {'u': ('data/Set5', 'set5'), 'v': ('data/Set14', 'set14')})
    shutil.rmtree(tmp_path / 'data/Set14')
    result = measure(tmp_path, benchmarks=str(tmp_path / 'benchmarks'))
    assert [part.name for part in result.sets] == ['set5']
    assert f"absent: set14, the config's test data ({tmp_path}/data/Set14/GTmod12)" in result.notes


def test_a_set_that_is_called_as_a_benchmark_has_a_number(write, tmp_path):
    write(MODELS_OF_MMAGIC['SRCNN'], {'u': ('data/mine', 'set14'), 'v': ('data/other', None)})
    (tmp_path / 'benchmarks/Set14/GT').mkdir(parents=True)
    Image.fromarray(astronaut()[:64, :80]).save(tmp_path / 'benchmarks/Set14/GT/c.png')
    result = measure(tmp_path, benchmarks=str(tmp_path / 'benchmarks'))
    assert [(part.name, list(part.images)) for part in result.sets] == [
        ('Set14', ['c']),
        ('set14-2', ['a', 'b']),
        ('other', ['a', 'b']),
    ]


def test_a_generator_of_more_than_an_image_leaves_benchmark_sets_out():
    cfg = Config(dict(default_scope='mmagic', model=dict(type='EDVR', generator=dict(type='EDVRNet'))))
    scale, _, (note,) = _scale(cfg)
    assert scale == 1
    assert note.startswith('benchmark sets left out: the generator')


@MMENGINE_MODELS.register_module()
class WithoutGenerator(BaseModel):
    """Not a restorer."""

    def forward(self, inputs, data_samples=None, mode='tensor'):
        """Return the inputs."""
        return inputs


def test_a_model_without_a_generator_is_one_line(write, tmp_path):
    write(MODELS_OF_MMAGIC['SRCNN'], {'Set5': ('data/Set5', 'set5')})
    recipe = tmp_path / 'recipe.py'
    recipe.write_text(recipe.read_text() + "model = dict(type='mmengine.WithoutGenerator')\n")
    with pytest.raises(InputError, match='WithoutGenerator, has no network called generator'):
        measure(tmp_path)


@MODELS.register_module()
class HomeMade(GANRestorer):
    """A user's restorer."""


@pytest.mark.parametrize(
    ('scope', 'kind', 'left'),
    [
        ('mmsr_ext', 'GANRestorer', None),
        ('mmsr_ext', 'HomeMade', None),
        ('mmagic', 'mmsr_ext.HomeMade', None),
        ('mmagic', HomeMade, None),
        (None, 'GANRestorer', None),
        ('mmsr_ext', 'SRGAN', L1),
        ('mmagic', 'ESRGAN', L1),
        ('mmsr_ext', 'mmagic.BaseEditModel', L1),
    ],
)
def test_only_restorers_lose_what_training_uses(scope, kind, left):
    model = dict(type=kind, generator=RESNET, pixel_loss=L1, test_cfg=dict(baseline='bicubic'))
    cfg = Config(dict(default_scope=scope, model=model))
    drop_training_parts(cfg)
    assert cfg.model.pixel_loss == left
    assert cfg.model.generator == RESNET
    assert baseline_in(cfg) == (None if left else 'bicubic')
