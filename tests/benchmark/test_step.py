import argparse

import pytest
import torch

from mmsr_ext import InputError
from mmsr_ext.benchmark import step
from mmsr_ext.benchmark.memory import resident_growth


def arguments(*given):
    parser = argparse.ArgumentParser()
    step.add_arguments(parser)
    return parser.parse_args(['--device', 'cpu', '--batch', '2', '--blocks', '1', '--rounds', '1', *given])


@pytest.mark.slow
@pytest.mark.parametrize(
    ('recipe', 'counts'), [('esrgan', ('1, 5, 2', '1, 2, 2')), ('realesrgan', ('1, 3, 2', '1, 2, 2'))]
)
def test_rows_of_both_sides(monkeypatch, recipe, counts):
    monkeypatch.setattr(
        step, 'resident_growth', lambda prepare, args, disc_only, options: 50 if options.get('theirs') else 40
    )
    monkeypatch.setattr(step, '_ceiling', lambda device, dtype: 1e9)
    size = ['--patch', '32'] if recipe == 'realesrgan' else []
    report = step.measure(arguments('--recipe', recipe, '--no-disc-only', *size))
    theirs, ours = report.rows
    assert (theirs['side'], ours['side']) == ('MMagic', 'ours')
    assert (theirs['G, D, VGG'], ours['G, D, VGG']) == counts
    assert theirs['ratio'] == 1
    assert ours['ratio of peaks'] == 0.8
    assert ours['GFLOP'] < theirs['GFLOP']
    assert report.text()


def test_both_sides_compute_the_same():
    """Same seed, same batch, same optimizer: the losses of the first step agree."""
    args = arguments('--recipe', 'realesrgan', '--patch', '32')
    sides = [step.Side(args, disc_only=False, theirs=theirs) for theirs in (True, False)]
    for name in ('generator', 'discriminator'):
        theirs, ours = (getattr(side.model, name) for side in sides)
        ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True)))
    sides[1].lq, sides[1].gt = sides[0].lq, sides[0].gt
    logs = [side.model.train_step(side.batch(), side.wrappers) for side in sides]
    for name in ('loss_pix', 'loss_perceptual', 'loss_gan'):
        torch.testing.assert_close(logs[1][name], logs[0][name], rtol=1e-4, atol=1e-6)


def test_steady_steps_do_not_wait(monkeypatch):
    side = step.Side(arguments('--recipe', 'realesrgan', '--patch', '32'), disc_only=False)
    waits, trained = [], []
    monkeypatch.setattr(side, '_synchronise', lambda: waits.append(len(trained)))
    monkeypatch.setattr(side, '_train', trained.append)
    seconds, busy = side.steady(5)
    assert waits == [0, 5, 5, 10, 10, 15]
    assert seconds > 0
    assert busy == 0 or torch.cuda.is_available()


@pytest.mark.slow
def test_memory_of_a_fresh_process():
    args = arguments('--recipe', 'realesrgan', '--patch', '32')
    sizes = [argparse.Namespace(**{**vars(args), 'batch': batch}) for batch in (2, 32)]
    small, large = (resident_growth(step._three_steps, size, False, {}) for size in sizes)
    assert 0 < small < large


@pytest.mark.parametrize(
    ('given', 'named'),
    [
        (['--patch', '96'], '--patch 96'),
        (['--recipe', 'realesrgan', '--patch', '40'], '--patch 40'),
        (['--batch', '1'], '--batch 1'),
        (['--dtype', 'float16'], 'float16 needs a GPU'),
        (['--device', 'cuda'], 'no GPU is visible'),
    ],
)
def test_bad_input(given, named):
    if given[-1] == 'cuda' and torch.cuda.is_available():
        pytest.skip('this machine has a GPU')
    with pytest.raises(InputError, match=named):
        step.measure(arguments(*given))
