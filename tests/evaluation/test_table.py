"""The best figure of each set and column has a star, in the metric's better direction."""

from pathlib import Path

from mmsr_ext.evaluation.measure import Measurement, SetResult
from mmsr_ext.evaluation.table import as_text, best_of

FIGURES = {
    'bicubic': {'PSNR-Y': 28.0, 'NIQE': 7.0, 'mine': 1.0, 's/image': float('nan')},
    'one': {'PSNR-Y': 29.0, 'NIQE': 4.0, 'mine': 2.0, 's/image': 0.5, 'MP/s': 2.0, 'LPIPS': 0.2},
    'two': {'PSNR-Y': 28.999, 'NIQE': 5.0, 'mine': 3.0, 's/image': 0.25, 'MP/s': 4.0, 'LPIPS': 0.1},
}


def test_marks():
    part = SetResult('Set5', Path('x'), FIGURES, {}, 'protocol')
    lines = as_text(Measurement('c.py', {'one': 'a', 'two': 'b'}, 'bicubic', [part])).splitlines()
    words = [line.split() for line in lines]
    rows = {line[-7]: line[-6:] for line in words if len(line) > 6 and line[-7] in FIGURES}
    columns = next(line[2:] for line in words if line[:2] == ['set', 'method'])
    starred = {
        name: {column for column, text in zip(columns, row) if text.endswith('*')}
        for name, row in rows.items()
    }
    # 28.999 is as good as 29.00 as far as the table shows; of 'mine' nobody knows which values are better
    assert starred == {
        'bicubic': set(),
        'one': {'PSNR-Y', 'NIQE'},
        'two': {'PSNR-Y', 'LPIPS', 's/image', 'MP/s'},
    }


def test_best_of():
    assert best_of('PSNR-Y', FIGURES) == 29.0
    assert best_of('NIQE', FIGURES) == 4.0
    assert best_of('LPIPS', FIGURES) == 0.1
    assert best_of('mine', FIGURES) is None
    assert best_of('MP/s', FIGURES) == 4.0
