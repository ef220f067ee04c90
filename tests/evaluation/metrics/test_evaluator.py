from types import SimpleNamespace

import pytest
import torch
from mmagic.structures import DataSample
from mmengine.evaluator import BaseMetric
from mmengine.evaluator import Evaluator as StockEvaluator
from mmengine.registry import EVALUATOR

from mmsr_ext import InputError
from mmsr_ext.evaluation.metrics import PSNR, SSIM, Evaluator
from mmsr_ext.registry import METRICS


class Loader:
    dataset = range(3)


def samples(count=3):
    generator = torch.Generator().manual_seed(0)
    image = lambda: torch.randint(0, 256, (3, 20, 24), generator=generator)  # noqa: E731
    return [
        DataSample(gt_img=image().byte(), output=DataSample(pred_img=image().float())) for _ in range(count)
    ]


def run(evaluator, data):
    evaluator.prepare_metrics(SimpleNamespace(data_preprocessor=None), Loader())
    for metrics, loader in evaluator.prepare_samplers(None, Loader()):
        assert isinstance(loader, Loader)
        for sample in data:
            evaluator.process([sample], None, metrics)
    return evaluator.evaluate()


def test_equals_mmagics(scope):
    """The same metrics, by MMagic's classes in MMagic's evaluator."""
    from mmagic.evaluation import Evaluator as MMagicsEvaluator
    from mmagic.evaluation import metrics as mmagic

    arguments = [dict(crop_border=2), dict(crop_border=2, convert_to='Y')]
    ours = EVALUATOR.build(
        dict(
            type='Evaluator',
            metrics=[dict(type=name, **one) for name in ('PSNR', 'SSIM') for one in arguments],
        )
    )
    assert type(ours) is Evaluator
    theirs = MMagicsEvaluator(
        [
            kind(prefix=prefix, **one)
            for kind in (mmagic.PSNR, mmagic.SSIM)
            for prefix, one in zip(('RGB', 'Y'), arguments)
        ]
    )
    expected = run(theirs, samples())
    assert run(ours, samples()) == {
        f'{name.split("/")[1]}-{name.split("/")[0]}': pytest.approx(value, rel=1e-5)
        for name, value in expected.items()
    }


def test_takes_mmagics_metrics_beside_ours(scope):
    from mmagic.evaluation.metrics import MAE

    evaluator = Evaluator([PSNR(), dict(type='MAE'), SSIM(prefix='set')])
    assert len(evaluator.prepare_samplers(None, Loader())) == 1  # all see the same images, in one pass
    table = run(evaluator, samples())
    assert list(table) == ['PSNR-RGB', 'MAE', 'set/SSIM-RGB']
    assert isinstance(evaluator.metrics[1], MAE)


def test_others_ask_for_other_images():
    class Unconditional(PSNR):
        SAMPLER_MODE = 'noise'

    evaluator = Evaluator([PSNR(), Unconditional(), SSIM()])
    assert [len(metrics) for metrics, _ in evaluator.prepare_samplers(None, Loader())] == [2, 1]
    assert Evaluator(None).prepare_samplers(None, Loader())[0][0] == []


def test_two_metrics_of_one_name():
    with pytest.raises(ValueError, match='PSNR-RGB'):
        run(Evaluator([PSNR(), PSNR()]), samples())


def test_metrics_work_with_mmengines_evaluator():
    evaluator = StockEvaluator([PSNR()])
    evaluator.process(samples(2))
    assert evaluator.evaluate(2)['PSNR-RGB'] > 5


def test_mmengines_calls_without_our_arguments(scope):
    """``process(data_samples, data_batch)`` and ``evaluate(size)``, as ValLoop and offline_evaluate call."""
    arguments = [dict(type='PSNR', crop_border=2), dict(type='mmagic.MAE')]
    ours, theirs = Evaluator(arguments), StockEvaluator([METRICS.build(dict(type='PSNR', crop_border=2))])
    ours.process(data_samples=samples(2), data_batch=None)
    theirs.process(data_samples=samples(2), data_batch=None)
    assert ours.evaluate(2).items() > theirs.evaluate(2).items()
    assert ours.offline_evaluate(samples(2)).keys() == {'PSNR-RGB', 'MAE'}


def test_the_length_of_the_test_set_drops_what_a_loader_repeated(scope):
    whole, repeated = (
        run(Evaluator([PSNR(), dict(type='MAE')]), data) for data in (samples(), [*samples(), *samples(1)])
    )
    assert whole == {name: pytest.approx(float(value)) for name, value in repeated.items()}


class PlainMetric(BaseMetric):
    """As MMEngine's documentation writes one."""

    def process(self, data_batch, data_samples):
        self.results += [len(sample['gt_img']) for sample in data_samples]

    def compute_metrics(self, results):
        return dict(channels=sum(results), images=len(results))


def test_a_metric_of_mmengines_kind_gets_the_size():
    evaluator = Evaluator([PlainMetric()])
    evaluator.process(samples(3))
    assert evaluator.evaluate(2) == dict(channels=6, images=2)


def test_results_stay_on_the_device_until_the_end():
    metric = PSNR()
    metric.process(None, [sample.to_dict() for sample in samples(2)])
    assert all(isinstance(result, torch.Tensor) for result in metric.results)


def test_videos_are_measured_frame_by_frame():
    one, two = samples(2)
    output = dict(pred_img=torch.stack([one.output.pred_img, two.output.pred_img]))
    video = dict(gt_img=torch.stack([one.gt_img, two.gt_img]), output=output)
    metric, frames = PSNR(convert_to='Y'), PSNR(convert_to='Y')
    metric.process(None, [video])
    frames.process(None, [one.to_dict(), two.to_dict()])
    assert metric.evaluate(1) == pytest.approx(frames.evaluate(2))


@pytest.mark.parametrize(
    ('call', 'named'),
    [
        (lambda: PSNR(crop_border=-1), 'crop_border=-1'),
        (lambda: PSNR(convert_to='y'), "convert_to='y'"),
        (
            lambda: SSIM(crop_border=5).process(None, [samples(1)[0].to_dict()]),
            'SSIM-RGB: an image of 20x24 is too small',
        ),
        (
            lambda: PSNR(pred_key='other').process(
                None, [dict(gt_img=torch.zeros(3, 4, 4), output=dict(other=torch.zeros(3, 8, 8)))]
            ),
            r'other is \(3, 8, 8\) and gt_img \(3, 4, 4\)',
        ),
    ],
)
def test_bad_input(call, named):
    with pytest.raises(InputError, match=named):
        call()


def test_found_by_name(scope):
    assert METRICS.get('PSNR') is PSNR
