"""The table over sets of images, against scikit-image on the files that are left."""

import csv
import json
import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2ycbcr
from skimage.data import astronaut, chelsea
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from support import ROOT

from mmsr_ext import InputError
from mmsr_ext.apis import evaluate, make_pairs
from mmsr_ext.functional import luma_pixels
from mmsr_ext.models import FSRCNN, DeblurResNet, EnhanceNet

CONFIG = 'configs/srresnet_x4_demo.py'
SMALL = {'model.generator.mid_channels': 4, 'model.generator.num_blocks': 1}
PSNR_SSIM = ['PSNR-Y', 'PSNR-RGB', 'SSIM-Y', 'SSIM-RGB']


def save(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


@pytest.fixture
def data(tmp_path, in_root):
    """Set5 with HR and LRx4, Set14 with GT alone, of no multiple of 4, one image large enough for NIQE; the
    config's own data."""
    root = tmp_path / 'data'
    save(tmp_path / 'photos/a.png', astronaut()[:96, :112])
    save(tmp_path / 'photos/b.png', chelsea()[:80, :64])
    make_pairs(tmp_path / 'photos', root / 'Set5')
    (root / 'Set5/GT').rename(root / 'Set5/HR')
    (root / 'Set5/LQx4').rename(root / 'Set5/LRx4')
    save(root / 'Set14/GT/c.png', chelsea()[:205, :303])
    make_pairs(tmp_path / 'photos', root / 'mine')
    return root


@pytest.fixture
def options(data):
    return SMALL | {
        f'test_dataloader.dataset.{key}': str(data / 'mine' / part)
        for key, part in [('gt_folder', 'GT'), ('lq_folder', 'LQx4')]
    }


def checkpoint(path, seed=0):
    torch.manual_seed(seed)
    network = EnhanceNet(mid_channels=4, num_blocks=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), path)
    return str(path)


def independent(folder, method, name):
    """PSNR and SSIM of a saved output, in float64."""
    output, gt = (np.array(Image.open(folder / part / f'{name}.png')) for part in (method, 'GT'))
    figures = {}
    for channel, convert in [
        ('Y', lambda image: rgb2ycbcr(image)[..., :1]),
        ('RGB', lambda image: image.astype(np.float64)),
    ]:
        a, b = (convert(image)[4:-4, 4:-4] for image in (gt, output))
        figures[f'PSNR-{channel}'] = peak_signal_noise_ratio(a, b, data_range=255)
        full = structural_similarity(
            a,
            b,
            data_range=255,
            channel_axis=-1,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            full=True,
        )[1]
        figures[f'SSIM-{channel}'] = full[5:-5, 5:-5].mean()
    return figures


def test_one_table_over_all_sets(data, options, tmp_path, capsys):
    files = [checkpoint(tmp_path / f'{name}.pth', seed) for seed, name in enumerate('AB')]
    json_file, csv_file, page = (tmp_path / f'out.{suffix}' for suffix in ('json', 'csv', 'html'))
    result = evaluate(
        CONFIG,
        files,
        out=str(page),
        json_file=str(json_file),
        csv_file=str(csv_file),
        work_dir=str(tmp_path / 'w'),
        options=options,
        benchmarks=str(data),
    )
    text = capsys.readouterr().out
    assert [(part.name, list(part.images)) for part in result.sets] == [
        ('Set5', ['a', 'b']),
        ('Set14', ['c']),
        ('mine', ['a', 'b']),
    ]
    for part in result.sets:
        assert list(part.figures) == ['bicubic', 'A', 'B']
        assert len({figures['PSNR-Y'] for figures in part.figures.values()}) == 3
        for method, figures in part.figures.items():
            expected = {name: independent(part.folder, method, name) for name in part.images}
            for metric in PSNR_SSIM:
                mean = np.mean([values[metric] for values in expected.values()])
                assert figures[metric] == pytest.approx(mean, abs=2e-3 if 'PSNR' in metric else 2e-4)
                for name, image in part.images.items():
                    assert image.figures[method][metric] == pytest.approx(
                        expected[name][metric], abs=2e-3 if 'PSNR' in metric else 2e-4
                    )
            timed = [figures[name] for name in ('s/image', 'MP/s') if name in figures]
            assert len(timed) == (0 if method == 'bicubic' else 2)
            if timed:
                seconds = sum(image.seconds[method] for image in part.images.values())
                assert timed[0] * len(part.images) == pytest.approx(seconds)
                assert timed[0] * timed[1] * len(part.images) == pytest.approx(
                    sum(image.megapixels for image in part.images.values())
                )
    # the same images and pairs, once as a benchmark and once as the config's own data
    set5, set14, mine = result.sets
    for method in set5.figures:
        assert {name: set5.figures[method][name] for name in PSNR_SSIM} == {
            name: mine.figures[method][name] for name in PSNR_SSIM
        }
    assert Image.open(set14.folder / 'A/c.png').size == (300, 204)
    assert math.isfinite(set14.figures['A']['NIQE'])
    assert math.isnan(set5.figures['A']['NIQE'])

    lines = text.splitlines()
    assert lines[0] == 'outputs rounded to 8 bit, border of 4 px left out, Y of BT.601 (16 to 235)'
    assert 'Set14: LQ images made by MATLAB bicubic reduction' in lines
    assert any(line.startswith('absent: BSD100, Urban100, DIV2K-val') for line in lines)
    assert any(
        line.startswith('LPIPS left out: its weights, alexnet-') and '--lpips FILE' in line for line in lines
    )
    row = next(line.split() for line in lines if line.split()[:3] == ['Set5', '(2)', 'bicubic'])
    assert [text.rstrip('*') for text in row[3:5]] == [
        f'{set5.figures["bicubic"][name]:.2f}' for name in ('PSNR-Y', 'PSNR-RGB')
    ]
    content = json.loads(json_file.read_text())
    assert content['sets']['Set5']['figures']['A']['NIQE'] is None
    assert content['sets']['Set14']['figures'] == set14.figures
    with csv_file.open() as table:
        rows = list(csv.DictReader(table))
    assert [(row['set'], row['method']) for row in rows] == [
        (part.name, method) for part in result.sets for method in part.figures
    ]
    assert float(rows[4]['SSIM-RGB']) == set14.figures['A']['SSIM-RGB']
    assert 'Set5: a' not in page.read_text()  # names of images are data for the script
    assert '"name": "Set14"' in page.read_text()


def test_lpips_where_its_weights_are(data, options, tmp_path):
    from torchvision.models import alexnet

    torch.save(
        {key: value for key, value in alexnet().state_dict().items() if key.startswith('features.')},
        tmp_path / 'alexnet.pth',
    )
    for name in ('a', 'b'):  # one set is enough, with images of the size that AlexNet takes
        (data / f'mine/GT/{name}.png').unlink()
        (data / f'mine/LQx4/{name}.png').unlink()
    (data / 'mine/GT').rmdir()
    for folder in ('Set5/HR', 'Set5/LRx4'):
        (data / folder / 'b.png').unlink()
    result = evaluate(
        CONFIG,
        [checkpoint(tmp_path / 'A.pth')],
        work_dir=str(tmp_path / 'w'),
        options=options,
        benchmarks=str(data),
        lpips=str(tmp_path / 'alexnet.pth'),
    )
    assert [part.name for part in result.sets] == ['Set5', 'Set14']
    assert all(figures['LPIPS'] > 0 for part in result.sets for figures in part.figures.values())
    assert result.notes == [
        f'absent: BSD100, Urban100, DIV2K-val (looked for {data}/SET/GT, with or without {data}/SET/LQx4)',
        f"absent: mine, the config's test data ({data}/mine/GT)",
    ]


def test_a_network_of_y_is_measured_on_y(data, tmp_path):
    torch.manual_seed(0)
    torch.save(FSRCNN(mid_channels=4, shrunk_channels=2, num_mappings=1).state_dict(), tmp_path / 'net.pth')
    own = {'gt_folder': str(data / 'mine/GT'), 'lq_folder': str(data / 'mine/LQx4'), 'lq_name': '{}'}
    options = {f'test_dataloader.dataset.{key}': value for key, value in own.items()} | {
        'test_dataloader.num_workers': 0,
        'test_dataloader.persistent_workers': False,
        'model.generator.mid_channels': 4,
        'model.generator.shrunk_channels': 2,
        'model.generator.num_mappings': 1,
    }
    checkpoints = [str(tmp_path / 'net.pth')]
    result = evaluate(
        'configs/fsrcnn_x4.py', checkpoints, str(tmp_path / 'run'), options=options, benchmarks=str(data)
    )
    assert [part.name for part in result.sets] == ['Set5', 'Set14', 'mine']
    for part in result.sets:
        assert set(part.figures['bicubic']) == {'PSNR-Y', 'SSIM-Y', 'NIQE'}
    gt = luma_pixels(chelsea()[:204, :300])
    folder = tmp_path / 'run/test/Set14'
    np.testing.assert_array_equal(np.array(Image.open(folder / 'GT/c.png')), gt[..., 0])
    for method in ('bicubic', 'net'):
        output = np.array(Image.open(folder / method / 'c.png'))
        expected = peak_signal_noise_ratio(gt[4:-4, 4:-4, 0], output[4:-4, 4:-4], data_range=255)
        assert result.sets[1].figures[method]['PSNR-Y'] == pytest.approx(expected, abs=1e-6)


def test_own_data_that_are_a_benchmark_are_measured_once(data, options, tmp_path):
    options = options | {
        'test_dataloader.dataset.gt_folder': str(data / 'Set5/HR'),
        'test_dataloader.dataset.lq_folder': str(data / 'Set5/LRx4'),
    }
    result = evaluate(
        CONFIG,
        [checkpoint(tmp_path / 'A.pth')],
        work_dir=str(tmp_path / 'w'),
        options=options,
        benchmarks=str(data),
    )
    assert [part.name for part in result.sets] == ['Set14', 'Set5']


def test_deblurring_has_the_input_first(data, tmp_path):
    for part in ('sharp', 'blur'):
        save(tmp_path / f'GoPro/{part}/0.png', astronaut()[:64, :64] // (2 if part == 'blur' else 1))
    torch.save(DeblurResNet(mid_channels=4, num_blocks=1).state_dict(), tmp_path / 'net.pth')
    options = {
        'model.generator': dict(mid_channels=4, num_blocks=1),
        'test_dataloader.dataset.gt_folder': str(tmp_path / 'GoPro/sharp'),
        'test_dataloader.dataset.lq_folder': str(tmp_path / 'GoPro/blur'),
        'test_dataloader.num_workers': 0,
        'test_dataloader.persistent_workers': False,
    }
    page = tmp_path / 'report.html'
    result = evaluate(
        'configs/deblurgan_gopro.py',
        [str(tmp_path / 'net.pth')],
        out=str(page),
        work_dir=str(tmp_path / 'w'),
        options=options,
        benchmarks=str(data),
    )
    (part,) = result.sets
    assert list(part.figures) == ['input', 'net']
    gt, blurred = (np.array(Image.open(tmp_path / f'GoPro/{name}/0.png')) for name in ('sharp', 'blur'))
    assert part.figures['input']['PSNR-RGB'] == pytest.approx(peak_signal_noise_ratio(gt, blurred), abs=1e-3)
    assert '"label": "input"' in page.read_text()
    assert '"label": "LQ"' not in page.read_text()


def test_bad_input_is_one_line(data, options, tmp_path):
    good = checkpoint(tmp_path / 'A.pth')
    clash = checkpoint(tmp_path / 'Set5.pth')
    other = tmp_path / 'none'
    kwargs = dict(work_dir=str(tmp_path / 'w'), options=options, benchmarks=str(data))
    cases = [
        (dict(checkpoints=[str(tmp_path / 'no.pth')]), r'no\.pth does not exist'),
        (dict(checkpoints=[good], out=str(other / 'r.html')), 'mkdir -p'),
        (dict(checkpoints=[good], csv_file=str(tmp_path)), 'is a folder'),
        (dict(checkpoints=[good], lpips=str(tmp_path / 'no.pth')), '--lpips .* does not exist'),
        (dict(checkpoints=[clash]), "'Set5' in the table"),
        (dict(checkpoints=[good], max_images=0, out=str(tmp_path / 'r.html')), '--max-images 0'),
    ]
    for case, message in cases:
        with pytest.raises(InputError, match=message):
            evaluate(CONFIG, **(kwargs | case))
    assert not (tmp_path / 'w').exists()
    kwargs |= dict(benchmarks=str(other), options=options | {'test_dataloader.dataset.gt_folder': str(other)})
    with pytest.raises(InputError, match=r'none does not exist.*demo'):  # what the config says about its data
        evaluate(CONFIG, [good], **kwargs)
    out = subprocess.run(
        [sys.executable, 'tools/test.py', CONFIG, good, '--out', str(other / 'r.html')],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert out.returncode == 1
    assert out.stderr.startswith('error: ')
    assert 'Traceback' not in out.stderr
