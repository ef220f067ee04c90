"""What a user can do wrong: one InputError that names it, before anything is written."""

import copy
import inspect
import os
import subprocess
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
import pytest
import torch
from PIL import Image
from support import ROOT
from support.fuzz import tiny_config, write

from mmsr_ext import InputError, registry
from mmsr_ext.apis import pack_images, train
from mmsr_ext.arguments import Count, Size, check_value
from mmsr_ext.datasets import ImageDataset, InfiniteDraws, PairedImageDataset, read_image

VALUES = ['x', 3, 2.5, 0, -1, float('nan'), float('inf'), True, None, [], [1], ['x'], [3, 2.5], {}, {'x': 1}]
GOOD = dict(
    generator={},
    layer_weights={},
    network={},
    enabled=True,
    gt_folder='x',
    lq_folder='x',
    folder='x',
    store='x',
    gt_size=32,
    scale=4,
    sigma=1.0,
    checkpoint=None,
)
NOT_CHECKED = {  # MMEngine's objects, and what it or PyTorch check
    ('InfiniteDraws', 'dataset'),
    ('Evaluator', 'metrics'),
    ('IterBasedTrainLoop', 'runner'),
    ('IterBasedTrainLoop', 'dataloader'),
    ('SeparateDDP', 'module'),
    ('AmpOptimWrapper', 'loss_scale'),
    ('AmpOptimWrapper', 'dtype'),
    ('Pretrained', 'map_location'),
}


def our_classes():
    found = {}
    for child in vars(registry).values():
        if isinstance(child, registry.ChildRegistry):
            child.import_from_location()
            found |= {
                name: part
                for name, part in child.module_dict.items()
                if part.__module__.startswith('mmsr_ext.') and inspect.isclass(part)
            }
    return found


CLASSES = our_classes()
OBJECTS = dict(
    InfiniteDraws=dict(dataset=range(4)),
    IterBasedTrainLoop=dict(runner=None, dataloader=None),
    SeparateDDP=dict(module=None),
    SpandrelNet=dict(architecture='Compact'),
)


def arguments_of(part):
    """The named arguments of a class, and what their annotations mean."""
    if part.__init__ is object.__init__:
        return []
    init = inspect.unwrap(part.__init__)
    if getattr(init, '__module__', '').startswith('mmengine.'):  # inherited, and checked there
        return []
    hints = get_type_hints(init, include_extras=True)
    if 'init_cfg' in hints:
        hints['init_cfg'] = dict | list[dict] | None  # MMEngine takes a list, too
    return [
        (parameter, hints.get(parameter.name))
        for parameter in list(inspect.signature(init).parameters.values())[1:]
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]


def needed(name, part):
    given = {
        argument.name: GOOD[argument.name]
        for argument, _ in arguments_of(part)
        if argument.default is argument.empty and argument.name in GOOD
    }
    return given | OBJECTS.get(name, {})


@pytest.mark.parametrize('name', sorted(CLASSES))
def test_every_argument_of_every_class(name):
    part = CLASSES[name]
    good = needed(name, part)
    if name != 'SeparateDDP':  # gives it to PyTorch's DistributedDataParallel
        assert_refused(part, good | {'sclae': 4}, f"{name}.*'sclae'")
    for argument, hint in arguments_of(part):
        if (name, argument.name) in NOT_CHECKED:
            continue
        if argument.default is argument.empty:
            without = {key: value for key, value in good.items() if key != argument.name}
            assert_refused(part, without, f'{name}.*{argument.name}')
        assert hint is not None or name.endswith('Hook'), argument
        if hint is None:
            continue
        wrong = [value for value in VALUES if not accepts(hint, value)]
        if hint in (int, int | None) and argument.name != 'seed':
            wrong += [0, -1]  # no integer of ours but a seed is a plain one that may be 0
        assert len(wrong) > 2, (name, argument)
        for value in wrong:
            assert_refused(part, good | {argument.name: value}, f'{name}: .*{argument.name}')


def assert_refused(part, arguments, message):
    with pytest.raises(InputError, match=message) as caught:
        part(**arguments)
    assert '\n' not in str(caught.value)


def accepts(hint, value):
    """Whether a value matches an annotation, written independently of the package."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(accepts(arg, value) for arg in args)
    if origin is Annotated:
        return accepts(args[0], value) and (value > 0 or (value == 0 and hint == Count))
    if origin is Literal:
        return any(value == choice and type(value) is type(choice) for choice in args)
    if hint is type(None):
        return value is None
    if hint is float:
        return type(value) in (int, float) and np.isfinite(value)
    if hint in (int, str, bool):
        return type(value) is hint
    if hint is dict or origin is dict:
        return type(value) is dict
    if hint is tuple or origin is tuple:
        return type(value) is list and all(type(item) in (int, float) for item in value)
    if hint is Sequence or origin in (list, Sequence):
        return type(value) is list and all(accepts(args[0], item) for item in value if args)
    if hint is torch.nn.Module:
        return isinstance(value, torch.nn.Module)
    raise AssertionError(f'{hint} is not known to this test')


@pytest.mark.parametrize(
    ('hint', 'value', 'message'),
    [
        (Literal[2, 4, 8], 3, 'x=3 must be 2, 4 or 8.'),
        (Literal[2, 4, 8], True, 'x=True must be 2, 4 or 8.'),
        (Literal[1, 2], 1.0, 'x=1.0 must be 1 or 2.'),
        (Literal[False, 'average'], 0, "x=0 must be False or 'average'."),
        (Literal['l1', 'mse'] | None, 'msee', "x='msee' must be 'l1', 'mse' or None; did you mean 'mse'?"),
        (float | Literal['unit_mean'], 'mean', "x='mean' must be a number or 'unit_mean'"),
        (Sequence[Literal['area', 'cubic']], ['area', 'cubik'], "did you mean 'cubic'?"),
        (dict[str, float], {'a': 'b'}, 'must be a dict, each key a string, each value a number.'),
        (tuple[float, float], [1], 'must be a list of 2, each a number.'),
        (Size, 0, 'x=0 must be an integer of at least 1.'),
    ],
)
def test_the_error_says_what_is_accepted(hint, value, message):
    with pytest.raises(InputError) as caught:
        check_value('x', value, hint)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ('hint', 'value'),
    [
        (Literal[2, 4], np.int64(4)),
        (Literal['l1', 'mse'] | None, None),
        (Sequence[Literal['area']], ('area', 'area')),
        (str, Path('x')),
        (float, 3),
        (Any, object()),
    ],
)
def test_values_that_are_accepted(hint, value):
    check_value('x', value, hint)


def test_what_a_config_may_say():
    """Integers for floats, lists for tuples, NumPy's numbers, a ConfigDict for a dict."""
    from mmengine.config import ConfigDict

    from mmsr_ext.models import EDSR, MotionBlur

    EDSR(
        mid_channels=np.int64(4),
        num_blocks=1,
        res_scale=1,
        rgb_mean=[0, 0.5, 1],
        init_cfg=ConfigDict(type='Pretrained', checkpoint=None),
    )
    EDSR(mid_channels=4, num_blocks=1, init_cfg=[dict(type='Kaiming', layer='Conv2d')])
    MotionBlur(length=60, exposures=[1], mean=0, std=[255, 255, 255])
    with pytest.raises(InputError, match="MotionBlur: unknown key 'lenght'; did you mean 'length'"):
        MotionBlur(lenght=3)
    with pytest.raises(InputError, match="MotionBlur: unknown key 'means'; did you mean 'mean'"):
        MotionBlur(means=3)


@pytest.fixture
def tiny(make_pairs, in_root):
    return tiny_config(make_pairs())


def write_as(config, tmp_path):
    """Under a name of its own, by which MMEngine keeps what belongs to a run in this process."""
    return write(config, tmp_path / f'{tmp_path.parent.name}_{tmp_path.name}.py'.replace('-', '_'))


def at(config, path, value=None):
    *before, last = path.split('.')
    owner = config
    for key in before:
        owner = owner[key]
    if value is None:
        del owner[last]
    else:
        owner[last] = value


CONFIGS = [
    ('model', None, 'model, the restorer, .* missing'),
    ('train_dataloader', None, 'train_dataloader, the data, .* missing'),
    ('optim_wrapper', None, 'optim_wrapper, the optimizers, .* missing'),
    ('train_cfg', None, 'train_cfg, how long to train, .* missing'),
    ('train_dataloader.dataset', None, 'train_dataloader needs a dataset'),
    ('val_evaluator', None, 'val_evaluator is missing, but val_dataloader is there'),
    ('model.type', 'GanRestorer', "'GanRestorer'; did you mean 'GANRestorer'"),
    ('model.generator.type', 'SRResnet', "'SRResnet'; did you mean 'SRResNet'"),
    ('model.generator.type', 'MSRResNett', "'MSRResNett'; did you mean 'MSRResNet'"),
    (
        'model.generator.num_blokcs',
        2,
        r"model\.generator: unknown key 'num_blokcs'; did you mean 'num_blocks'",
    ),
    ('model.generator.mid_channels', '4', "SRResNet: mid_channels='4' must be an integer of at least 1"),
    (
        'model.generator.scale',
        2,
        'PairedImageDataset of train_dataloader has scale 4, but .*SRResNet.* enlarges by 2',
    ),
    ('default_hooks.logger.type', 'LogerHook', "'LogerHook'; did you mean 'LoggerHook'"),
    ('custom_hooks', [dict(type='NoSuchThing')], 'NoSuchThing'),
    ('optim_wrapper.generator.optimizer.type', 'Adamm', "'Adamm'; did you mean 'Adam'"),
    ('optim_wrapper.generator.optimizer.lr', -1.0, 'optim_wrapper cannot be built: .*learning rate'),
    (
        'optim_wrapper.generator.optimizer.beta',
        3,
        r"optim_wrapper\.generator\.optimizer: unknown key 'beta'; did you mean 'betas'",
    ),
    ('param_scheduler.gama', 3, "param_scheduler: unknown key 'gama'; did you mean 'gamma'"),
    ('val_dataloader.dataset.gt_folder', None, 'PairedImageDataset: .*gt_folder'),
    ('val_evaluator.metrics', [dict(type='PSNRR')], "'PSNRR'; did you mean 'PSNR'"),
    ('train_dataloader.sampler.type', 'InfiniteDraw', "did you mean 'InfiniteDraws'"),
    ('train_dataloader.batch_size', 0, 'batch_size'),
    ('train_dataloader.num_workers', -1, 'num_workers'),
    ('train_cfg.max_iters', 0, 'max_iters'),
    ('train_cfg.max_iters', 'x', 'max_iters'),
    ('train_cfg.val_interval', 0, 'val_interval'),
    ('train_cfg', dict(type='mmengine.EpochBasedTrainLoop', max_epochs=1), 'train_cfg trains by epochs'),
    (
        'model.pixel_loss.reduction',
        'none',
        r'model\.pixel_loss gives a tensor of shape \(1, 3, 32, 32\); a loss has to be one number',
    ),
    ('model.pixel_loss', dict(type='AdversarialLoss'), r'model\.pixel_loss cannot be used on crops of 32 px'),
    ('model.gan_loss', dict(type='L1Loss'), r'model\.gan_loss cannot be used on crops of 32 px'),
    (
        'model.gradient_penalty',
        dict(type='L1Loss'),
        r'model\.gradient_penalty cannot be used on crops of 32 px',
    ),
    (
        'model.generator',
        dict(type='SRResNet', mid_channels=4, num_blocks=1, in_channels=1),
        r'images of 3 channels, but model\.generator \(SRResNet\) takes 1',
    ),
    (
        'model.generator',
        dict(type='SRResNet', mid_channels=4, num_blocks=1, out_channels=1),
        r'model\.generator \(SRResNet\) makes \(1, 1, 32, 32\) out of '
        r'\(1, 3, 8, 8\); expected \(1, 3, 32, 32\)',
    ),
    ('optim_wrapper.discriminator', None, 'optim_wrapper has no discriminator'),
    (
        'optim_wrapper.generator.clip_grad',
        dict(max_nrm=1),
        r'optim_wrapper\.generator\.clip_grad cannot be used: .*max_nrm',
    ),
    (
        'param_scheduler.gamma',
        {},
        r'param_scheduler: MultiStepLR: gamma=\{\} must be a number',
    ),
    (
        'default_hooks.checkpoint',
        dict(type='CheckpointHook', interval=2, by_epoch=False, save_best='PSNRR-Y', rule='greater'),
        "save_best='PSNRR-Y' of CheckpointHook is no metric .* did you mean 'PSNR-Y'",
    ),
]


@pytest.mark.parametrize(
    ('key', 'value', 'message'), CONFIGS, ids=[f'{key}={value}' for key, value, _ in CONFIGS]
)
def test_configs(tiny, tmp_path, key, value, message):
    at(tiny, key, value)
    with pytest.raises(InputError, match=message) as caught:
        train(write_as(tiny, tmp_path), str(tmp_path / 'run'))
    assert '\n' not in str(caught.value)
    assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize(
    ('key', 'value'),
    [('fn_key', ['gt_path']), ('fn_key', 'no_such_key'), ('img_keys', [['a']]), ('img_keys', [])],
)
def test_visualizer_that_cannot_draw(tiny, tmp_path, key, value):
    tiny['visualizer'][key] = value
    tiny['custom_hooks'] = [dict(type='BasicVisualizationHook', interval=1)]
    with pytest.raises(InputError, match='the visualizer cannot draw the samples of validation: '):
        train(write_as(tiny, tmp_path), str(tmp_path / 'run'))


def test_val_set_without_ground_truth(tiny, tmp_path):
    tiny['val_dataloader']['dataset'] = dict(
        type='mmagic.BasicImageDataset',
        data_root=tiny['val_dataloader']['dataset']['lq_folder'],
        data_prefix=dict(img=''),
        pipeline=[
            dict(type='mmagic.LoadImageFromFile', key='img', channel_order='rgb'),
            dict(type='mmagic.PackInputs'),
        ],
    )
    with pytest.raises(InputError, match='an image has no gt_img'):
        train(write_as(tiny, tmp_path), str(tmp_path / 'run'))


def test_work_dir_that_cannot_be_written(tiny, tmp_path):
    (tmp_path / 'file').write_text('')
    for folder in ('file', 'file/run'):
        with pytest.raises(InputError, match=r'work_dir .*file.* cannot be written \(.*--work-dir'):
            train(write_as(tiny, tmp_path), str(tmp_path / folder))


@pytest.mark.parametrize('options', [{'custom_hooks.9.interval': 3}, {'train_cfg.max_iters.x': 3}])
def test_options_that_do_not_fit(tiny, tmp_path, options):
    with pytest.raises(InputError, match=f'--cfg-options {next(iter(options))} do not fit config'):
        train(write_as(tiny, tmp_path), str(tmp_path / 'run'), options=dict(options))


def test_debugging_shows_the_original(tiny, tmp_path, monkeypatch):
    at(tiny, 'optim_wrapper.generator.optimizer.lr', -1.0)
    config, other = write_as(tiny, tmp_path), write(tiny, tmp_path / 'debugging.py')
    with pytest.raises(InputError) as caught:
        train(other, str(tmp_path / 'run'))
    assert isinstance(caught.value.__cause__, ValueError)
    monkeypatch.setenv('MMSR_EXT_DEBUG', '1')
    with pytest.raises(ValueError, match='learning rate') as caught:
        train(config, str(tmp_path / 'run'))
    assert not isinstance(caught.value, InputError)


def test_command_line(tiny, tmp_path):
    at(tiny, 'model.generator.type', 'SRResnet')
    out = subprocess.run(
        [sys.executable, 'tools/train.py', write_as(tiny, tmp_path), '--work-dir', str(tmp_path / 'run')],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert out.returncode == 1
    assert (
        out.stderr.splitlines()[-1] == "error: there is no model of type 'SRResnet'; did you mean 'SRResNet'?"
    )
    assert 'Traceback' not in out.stderr + out.stdout
    assert not (tmp_path / 'run').exists()


def save(path, pixels, **kwargs):
    Image.fromarray(pixels).save(path, **kwargs)


RGB = np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8)
BAD_IMAGES = {
    'truncated.png': (lambda path: path.write_bytes(_png()[:-2000]), r'truncated\.png cannot be read'),
    'empty.png': (lambda path: path.write_bytes(b''), r'empty\.png cannot be read'),
    'text.png': (lambda path: path.write_text('text'), r'text\.png cannot be read'),
    'loop.png': (lambda path: path.symlink_to(path), r'loop\.png cannot be read'),
    'gone.png': (lambda path: path.symlink_to(path.with_name('nowhere')), r'gone\.png cannot be read'),
    'deep.png': (
        lambda path: save(path, np.zeros((48, 48), np.uint16)),
        r'deep\.png has pixels of type I;16',
    ),
    'clear.png': (
        lambda path: save(path, np.dstack([RGB, RGB[..., :1]])),
        r'clear\.png is partly transparent',
    ),
    'cmyk.jpg': (lambda path: Image.new('CMYK', (48, 48)).save(path), r'cmyk\.jpg has pixels of type CMYK'),
    'moves.webp': (
        lambda path: Image.fromarray(RGB).save(
            path, save_all=True, append_images=[Image.fromarray(255 - RGB)]
        ),
        r'moves\.webp has 2 frames',
    ),
}


def _png():
    from io import BytesIO

    file = BytesIO()
    Image.fromarray(RGB).save(file, 'png')
    return file.getvalue()


@pytest.mark.parametrize('name', BAD_IMAGES)
def test_bad_images(tmp_path, name):
    make, message = BAD_IMAGES[name]
    folder = tmp_path / 'images'
    folder.mkdir()
    make(folder / name)
    with pytest.raises(InputError, match=message):
        read_image(folder / name)
    save(folder / 'good.png', RGB)
    with pytest.raises(InputError, match=message):
        list(map(ImageDataset(str(folder), 32).__getitem__, range(2)))
    with pytest.raises(InputError, match=message):
        pack_images(str(folder), tmp_path / 'store', workers=0)
    assert not (tmp_path / 'store').exists()


def test_one_pixel(tmp_path):
    save(tmp_path / 'dot.png', RGB[:1, :1])
    assert read_image(tmp_path / 'dot.png').shape == (1, 1, 3)
    with pytest.raises(InputError, match=r'dot\.png is 1x1, smaller than the crop'):
        ImageDataset(str(tmp_path), 32)


def test_images_that_are_odd_and_fine(tmp_path):
    """PNG data called .jpg, names with spaces and of other alphabets; a folder called x.png is no image."""
    (tmp_path / 'png.jpg').write_bytes(_png())
    (tmp_path / 'a b ü 写真 #%.png').write_bytes(_png())
    save(tmp_path / 'grey.png', RGB[..., 0])
    (tmp_path / 'x.png').mkdir()
    data = ImageDataset(str(tmp_path), 48)
    assert len(data) == 3
    for index, path in enumerate(data.files):
        torch.testing.assert_close(
            data[index]['inputs'],
            torch.from_numpy(np.array(Image.open(path[0]).convert('RGB'))).permute(2, 0, 1),
        )
    pack_images(str(tmp_path), tmp_path / 'store', workers=0)
    with pytest.raises(InputError, match=r'x\.png cannot be read'):
        read_image(tmp_path / 'x.png')


@pytest.mark.skipif(os.geteuid() == 0, reason='root may read everything')
def test_unreadable_image(tmp_path):
    (tmp_path / 'x.png').write_bytes(_png())
    (tmp_path / 'x.png').chmod(0)
    with pytest.raises(InputError, match=r'x\.png cannot be read'):
        ImageDataset(str(tmp_path), 32)


def test_a_fifo_is_no_image(tmp_path):
    os.mkfifo(tmp_path / 'x.png')
    with pytest.raises(InputError, match='has no images'):
        ImageDataset(str(tmp_path), 32)


def damaged(folders):
    path = Path(folders['gt_folder'], '1.png')
    path.write_bytes(path.read_bytes()[:-500])
    return path


@pytest.mark.parametrize('workers', [0, 2])
def test_bad_images_are_skipped_by_draw(make_pairs, workers):
    folders = make_pairs(count=6, size=64)
    whole = PairedImageDataset(**folders, gt_size=32, on_bad_image='skip')
    draws = [draw for draw, _ in zip(InfiniteDraws(whole, seed=3), range(24))]
    before = {draw.position: whole[draw] for draw in draws}
    assert whole.bad_images == 0
    path = damaged(folders)
    data = PairedImageDataset(**folders, gt_size=32, on_bad_image='skip')
    loader = torch.utils.data.DataLoader(data, None, sampler=draws, num_workers=workers)
    keys = []
    for draw, sample in zip(draws, loader):
        keys.append(sample['data_samples'].key)
        if draw.index == 1:
            assert keys[-1] != '1'
            assert sample['data_samples'].gt_path != str(path)
        else:
            torch.testing.assert_close(sample['inputs'], before[draw.position]['inputs'], rtol=0, atol=0)
    again = PairedImageDataset(**folders, gt_size=32, on_bad_image='skip')
    assert [again[draw]['data_samples'].key for draw in reversed(draws)] == keys[::-1]
    assert again.bad_images == sum(draw.index == 1 for draw in draws) == 4
    assert len({key for key, draw in zip(keys, draws) if draw.index == 1}) > 1  # not always the same one
    with pytest.raises(InputError, match=r'1\.png cannot be read'):
        PairedImageDataset(**folders, gt_size=32)[1]
    with pytest.raises(InputError, match="on_bad_image='ignore'"):
        PairedImageDataset(**folders, on_bad_image='ignore')


def test_all_images_are_bad(tmp_path):
    for index in range(3):
        (tmp_path / f'{index}.png').write_text('x')
    with pytest.raises(InputError, match=r'1\.png cannot be read.*None of the 3 images can be read'):
        ImageDataset(str(tmp_path), 8, on_bad_image='skip')[1]


@pytest.mark.parametrize('skip', [False, True])
def test_a_corrupt_image_during_training(tiny, tmp_path, skip):
    config = copy.deepcopy(tiny)
    config['train_dataloader']['dataset']['on_bad_image'] = 'skip' if skip else 'stop'
    config['train_cfg']['max_iters'] = 3
    path = Path(config['train_dataloader']['dataset']['lq_folder'], '1.png')
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    config.pop('val_dataloader'), config.pop('val_cfg'), config.pop('val_evaluator')
    config['train_cfg'].pop('val_interval')
    if not skip:
        with pytest.raises(InputError, match=f'{path} cannot be read'):
            train(write_as(config, tmp_path), str(tmp_path / 'run'))
        return
    train(write_as(config, tmp_path), str(tmp_path / 'run'))
    (log,) = (tmp_path / 'run').glob('*/*.log')
    assert f'{path} cannot be read as an image' in log.read_text()
    assert 'bad images so far in this worker: 2.' in log.read_text()
