import argparse

import numpy as np
import pytest
import torch

from mmsr_ext import InputError
from mmsr_ext.benchmark import infer


def arguments(*given):
    parser = argparse.ArgumentParser()
    infer.add_arguments(parser)
    return parser.parse_args([*given, '--device', 'cpu'])


@pytest.mark.parametrize('network', ['compact', 'msrresnet', 'rrdb'])
def test_both_sides_compute_the_same(tmp_path, monkeypatch, network):
    small = {'compact': dict(mid_channels=4, num_convs=2)}.get(network, dict(mid_channels=4, num_blocks=1))
    monkeypatch.setitem(infer.NETWORKS, network, {**infer.NETWORKS[network], **small})
    torch.manual_seed(0)
    torch.save(dict(params=infer._build(infer.NETWORKS[network]).state_dict()), tmp_path / 'net.pth')
    args = arguments('--network', network, '--size', '33', '47')
    theirs, ours = (infer.Side(name, args, tmp_path / 'net.pth') for name in ('MMagic', 'ours, fp32'))
    result = ours._ours()
    assert result.std() > 5
    assert np.abs(theirs._theirs().astype(int) - result).max() <= 1


def test_the_report(monkeypatch):
    monkeypatch.setitem(
        infer.NETWORKS, 'compact', dict(type='mmsr_ext.SRVGGNetCompact', mid_channels=4, num_convs=2)
    )
    monkeypatch.setattr(infer, 'resident_growth', lambda *_: infer.MIB)
    args = arguments(
        '--size',
        '40',
        '70',
        '--tile',
        '32',
        '--overlap',
        '16',
        '--rounds',
        '2',
        '--precision',
        'fp32',
        'bf16',
    )
    report = infer.measure(args)
    assert [row['side'] for row in report.rows] == ['MMagic', 'ours, fp32', 'ours, bf16']
    assert report.rows[0]['times MMagic'] == 1
    assert all(row['MP/s'] == pytest.approx(40 * 70 * 16 / 1e6 / row['seconds']) for row in report.rows)
    assert '40x70' in report.text()


@pytest.mark.parametrize(
    ('given', 'message'),
    [(['--rounds', '0'], '--rounds 0'), (['--size', '0', '4'], '--size'), (['--tile', '8'], 'tile=8')],
)
def test_bad_arguments(given, message):
    with pytest.raises(InputError, match=message):
        infer.measure(arguments(*given))
