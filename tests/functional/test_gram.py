import torch

from mmsr_ext.functional import gram_matrix


def test_equals_a_plain_loop():
    features = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    expected = torch.zeros(2, 3, 3, dtype=torch.float64)
    for n in range(2):
        for i in range(3):
            for j in range(3):
                expected[n, i, j] = (features[n, i] * features[n, j]).sum() / (3 * 4 * 5)
    torch.testing.assert_close(gram_matrix(features), expected)


def test_half_precision_does_not_overflow():
    features = torch.full(
        (1, 8, 64, 64), 40.0, dtype=torch.float16
    )  # the plain product is 40 * 40 * 4096 = 6.6e6
    with torch.autocast('cpu', dtype=torch.bfloat16):
        gram = gram_matrix(features)
    assert gram.dtype == torch.float32
    torch.testing.assert_close(gram, torch.full((1, 8, 8), 1600 / 8))
