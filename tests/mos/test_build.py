"""The blinded page of a mean-opinion-score study."""

import json
import re

import numpy as np
import pytest
import torch
from PIL import Image
from support.mos import METHODS, make_study, write_folders, write_images

from mmsr_ext import InputError, mos
from mmsr_ext.datasets import read_image
from mmsr_ext.functional import imresize
from mmsr_ext.mos.study import Study


def test_key_and_pictures_belong_together(tmp_path):
    study = make_study(tmp_path)
    assert Study.load(tmp_path / 'study') == study
    assert study.methods == ['nearest', *METHODS, 'GT']
    images = ['imagefirst', 'imagesecond', 'imagethird']
    assert sorted((item.method, item.image) for item in study.items.values()) == sorted(
        (m, i) for m in study.methods for i in images
    )
    for name, item in {**study.items, **study.training}.items():
        assert item.answer == dict(GT=5, nearest=1).get(item.method)
        pixels = read_image(tmp_path / 'study/page/images' / f'{name}.png')
        if item.method == 'nearest':
            source = np.kron(read_image(tmp_path / 'LQ' / f'{item.image}.png'), np.ones((4, 4, 1), np.uint8))
        else:
            source = read_image(tmp_path / item.method / f'{item.image}.png')
        assert np.array_equal(pixels, source)
    assert sorted(item.answer for item in study.training.values()) == [1, 1, 5, 5]
    assert len({item.image for item in study.training.values()}) == 2


def test_nothing_that_raters_get_tells_the_method(tmp_path):
    study = make_study(tmp_path)
    page = tmp_path / 'study/page'
    files = [path for path in page.rglob('*') if path.is_file()]
    assert len(files) == 1 + 12 + 4
    secret = [*METHODS, 'nearest', 'imagefirst', 'imagesecond', 'imagethird', str(tmp_path)]
    for path in files:
        content = path.read_bytes()
        assert [word for word in secret if word.encode() in content or word in path.name] == []
    public = json.loads(
        re.search(
            r'<script type="application/json" id="study">(.*?)</script>', (page / 'index.html').read_text()
        )[1]
    )
    assert set(public) == {'name', 'items', 'training'}
    assert all(set(item) == {'name', 'group'} for item in public['items'])
    # neither the page nor the times of the files are in an order of methods: both are in that of the random
    # names
    names = [item['name'] for item in public['items']]
    assert names == sorted(study.items)
    pictures = sorted((page / 'images').iterdir())
    times = [path.stat().st_mtime_ns for path in pictures]
    assert times == sorted(times)
    for path in pictures:
        with Image.open(path) as picture:
            assert (picture.format, picture.mode, picture.info) == ('PNG', 'RGB', {})
    groups = {item['name']: item['group'] for item in public['items'] + public['training']}
    key = {**study.items, **study.training}
    assert len({(groups[name], item.image) for name, item in key.items()}) == 3


def test_names_are_new_in_every_study(tmp_path):
    methods = write_folders(tmp_path)
    first, second = (mos.build_study(methods, tmp_path / 'GT', tmp_path / out) for out in ('a/b', 'c'))
    assert not set(first.items) & set(second.items)
    assert first.name != second.name
    assert first.methods == [*METHODS, 'GT']
    assert {item.answer for item in first.training.values()} == {5}


def test_other_training_images(tmp_path):
    methods = write_folders(tmp_path)
    write_images(tmp_path / 'others', ['a', 'b', 'c'], (21, 30), seed=9)
    study = mos.build_study(
        methods, tmp_path / 'GT', tmp_path / 'study', tmp_path / 'LQ', training=tmp_path / 'others'
    )
    assert sorted((item.image, item.answer) for item in study.training.values()) == [
        (name, answer) for name in 'abc' for answer in (1, 5)
    ]
    for name, item in study.training.items():
        pixels = read_image(tmp_path / 'study/page/images' / f'{name}.png')
        gt = read_image(tmp_path / 'others' / f'{item.image}.png')[:20, :28]
        small = imresize(torch.from_numpy(gt.copy()).permute(2, 0, 1), 0.25).permute(1, 2, 0).numpy()
        assert np.array_equal(
            pixels, gt if item.answer == 5 else np.kron(small, np.ones((4, 4, 1), np.uint8))
        )


def test_lq_may_carry_the_scale_in_its_name_and_deblurring_has_scale_1(tmp_path):
    methods = write_folders(tmp_path)
    for path in sorted((tmp_path / 'LQ').iterdir()):
        path.rename(path.with_name(f'{path.stem}x4.png'))
    assert len(mos.build_study(methods, tmp_path / 'GT', tmp_path / 'x4', tmp_path / 'LQ').items) == 12
    blurred = mos.build_study(methods, tmp_path / 'GT', tmp_path / 'x1', tmp_path / 'methodone', 1)
    assert blurred.methods == ['LQ', *METHODS, 'GT']
    with pytest.raises(InputError, match='at scale 1 no bad version'):
        mos.build_study(methods, tmp_path / 'GT', tmp_path / 'y1', tmp_path / 'methodone', 1, tmp_path / 'GT')


def test_every_fault_of_the_folders_is_named_at_once_and_nothing_written(tmp_path):
    methods = write_folders(tmp_path)
    (tmp_path / 'methodone/imagesecond.png').unlink()
    write_images(tmp_path / 'methodtwo', ['imagefirst'], (24, 31))
    write_images(tmp_path / 'methodtwo', ['extra'])
    write_images(tmp_path / 'LQ', ['imagethird'], (6, 7))
    with pytest.raises(InputError) as error:
        mos.build_study(methods, tmp_path / 'GT', tmp_path / 'study', tmp_path / 'LQ')
    message = str(error.value)
    assert f'methodone ({tmp_path / "methodone"}) lacks imagesecond' in message
    assert 'methodtwo has imagefirst at 24x31, GT at 24x32' in message
    assert f'GT ({tmp_path / "GT"}) lacks extra' in message
    assert 'nearest has imagethird at 24x28 after enlarging by 4, GT at 24x32' in message
    assert not (tmp_path / 'study').exists()


def test_a_damaged_picture_leaves_nothing_behind(tmp_path):
    methods = write_folders(tmp_path)
    path = tmp_path / 'methodone/imagefirst.png'
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(InputError, match=r'imagefirst\.png cannot be read'):
        mos.build_study(methods, tmp_path / 'GT', tmp_path / 'study')
    assert sorted(path.name for path in tmp_path.iterdir()) == ['GT', 'LQ', *METHODS]


@pytest.mark.parametrize(
    ('arguments', 'named'),
    [
        (dict(methods={}), 'at least one'),
        (dict(methods=dict(GT='GT')), 'cannot be called GT'),
        (dict(methods=dict(nearest='GT')), 'cannot be called nearest'),
        (dict(methods=dict(a='nowhere')), 'nowhere does not exist'),
        (dict(nearest='GT'), 'after enlarging by 4, GT at 24x32'),
        (dict(scale=0), 'scale=0'),
        (dict(out='GT'), 'GT is not empty'),
        (dict(training='methodtwo', nearest='LQ', scale=40), 'after enlarging by 40'),
    ],
)
def test_what_cannot_be_built(tmp_path, monkeypatch, arguments, named):
    monkeypatch.chdir(tmp_path)
    write_folders(tmp_path)
    with pytest.raises(InputError, match=named):
        mos.build_study(**dict(methods=dict(methodone='methodone'), gt='GT', out='study') | arguments)
    assert not (tmp_path / 'study').exists()


def test_methods_of_the_command_line():
    assert mos.parse_methods(['a=b', 'c=d=e']) == dict(a='b', c='d=e')
    for texts, named in [
        (['a'], 'expected NAME=FOLDER'),
        (['=b'], 'expected'),
        (['a='], 'expected'),
        (['a=b', 'a=c'], 'a comes twice'),
    ]:
        with pytest.raises(InputError, match=named):
            mos.parse_methods(texts)


def test_a_broken_key_is_an_input_error(tmp_path):
    make_study(tmp_path)
    key = tmp_path / 'study/key.json'
    for content in (key.read_bytes()[:-40], b'[]', b'{}'):
        key.write_bytes(content)
        with pytest.raises(InputError, match=r'holds no study.*mos_study\.py build'):
            Study.load(tmp_path / 'study')
