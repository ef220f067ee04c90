import lpips
import pytest
import torch
from mmengine.evaluator import Evaluator

from mmsr_ext import InputError
from mmsr_ext.evaluation.metrics import LPIPS


@pytest.mark.parametrize('border', [0, 3])
def test_equals_the_package(border):
    torch.manual_seed(3)
    metric = LPIPS('squeeze', crop_border=border, pretrained='random')
    torch.manual_seed(3)
    theirs = lpips.LPIPS(net='squeeze', pnet_rand=True, verbose=False)
    gt = torch.randint(0, 256, (2, 3, 40, 44), dtype=torch.uint8)
    pred = torch.randint(0, 256, (2, 3, 40, 44)).float()
    # the restorer's samples are in BGR
    metric.process(None, [dict(gt_img=g.flip(0), output=dict(pred_img=p.flip(0))) for g, p in zip(gt, pred)])
    metric.size = 2
    inner = slice(border, -border or None)
    x, y = (image[..., inner, inner] / 127.5 - 1 for image in (pred, gt))
    with torch.no_grad():
        expected = theirs(x, y).mean().item()
    result = metric.evaluate()
    assert list(result) == ['LPIPS']
    assert result['LPIPS'] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(('net', 'smallest'), [('alex', 31), ('vgg', 16), ('squeeze', 17)])
def test_images_that_are_too_small(net, smallest):
    metric = LPIPS(net, pretrained='random')
    for size in (smallest, smallest - 1):
        image = torch.zeros(3, size, 40)
        sample = dict(gt_img=image, output=dict(pred_img=image))
        if size < smallest:
            with pytest.raises(InputError, match=f'LPIPS: an image of {size}x40 is too small'):
                metric.process(None, [sample])
            with pytest.raises(InputError, match=f'LPIPS: an image of {size}x40 is too small'):
                metric.distance(image[None], image[None])
        else:
            metric.process(None, [sample])
    assert len(metric.results) == 1


def test_is_found_by_name(scope):
    assert isinstance(Evaluator(dict(type='LPIPS', net='squeeze', pretrained='random')).metrics[0], LPIPS)
