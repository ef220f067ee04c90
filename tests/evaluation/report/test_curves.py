import json
import re

import pytest

from mmsr_ext.evaluation.report.curves import draw, draw_all
from mmsr_ext.evaluation.report.scalars import read_scalars


def log(folder, start, records):
    path = folder / start / 'vis_data/scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text(''.join(json.dumps(record) + '\n' for record in records))
    return path


def test_resumed_run_is_one_series(tmp_path):
    """Killed after step 60, resumed from 40; the second start was killed while it wrote a line."""
    first = [dict(loss_pix=1 / step, lr=1.0, time=0.1, iter=step, step=step) for step in (20, 40, 60)]
    log(
        tmp_path,
        '20240101_000000',
        [*first[:2], {'PSNR-Y': 20.0, 'bicubic/PSNR-Y': 19.0, 'time': 1.0, 'step': 40}, first[2]],
    )
    second = log(
        tmp_path, '20240101_000100', [dict(loss_pix=step, iter=step, step=step) for step in (60, 80)]
    )
    second.write_text(second.read_text() + '{"loss_pix": 3')
    series = read_scalars(tmp_path)
    assert series == {
        'loss_pix': [(20, 1 / 20), (40, 1 / 40), (60, 60), (80, 80)],
        'lr': [(20, 1.0), (40, 1.0)],
        'PSNR-Y': [(40, 20.0)],
        'bicubic/PSNR-Y': [(40, 19.0)],
    }
    html = draw_all(series)
    assert html.count('<svg') == 3  # a metric and its baseline share one
    assert read_scalars(tmp_path / 'nothing') == {}


def test_validations_logged_by_epoch_follow_the_training_step(tmp_path):
    log(
        tmp_path,
        'a',
        [
            dict(loss=1.0, iter=30, step=30),
            dict(PSNR=5.0, step=0),
            dict(loss=1.0, iter=60, step=60),
            dict(PSNR=6.0, step=0),
        ],
    )
    assert read_scalars(tmp_path)['PSNR'] == [(30, 5.0), (60, 6.0)]


def test_line_is_where_the_values_are():
    """Corners of the box, and a gap where a loss was not finite."""
    html = draw('loss', {'loss': [(0, 1.0), (10, 3.0), (20, float('nan')), (30, 1.0), (40, 2.0)]})
    lines = [
        [tuple(map(float, point.split(','))) for point in line.split()]
        for line in re.findall(r'<polyline.*?points="(.*?)"', html)
    ]
    assert len(lines) == 2
    (low, high), (low_again, middle) = lines
    assert low[0] < high[0] < low_again[0] < middle[0]
    assert high[1] < middle[1] < low[1] == low_again[1]  # SVG's y grows downwards
    assert middle[1] == pytest.approx((high[1] + low[1]) / 2, abs=0.1)
    assert 'no finite value' in draw('loss', {'loss': [(0, float('inf'))]})
    many = draw('loss', {'loss': [(step, 1.0) for step in range(4000)]})
    assert 'means of 10 values' in many
    assert '<script>' not in draw('<script>', {'<script>': [(0, 1.0)]})
