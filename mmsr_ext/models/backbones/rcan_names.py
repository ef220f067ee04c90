"""The names that RCAN's authors gave to its weights."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

# ours, which are BasicSR's, and theirs; G and B stand for the numbers of a group and a block, N for any other
NAMES = [
    ('conv_first', 'head.0'),
    ('body.G.residual_group.B.rcab.N', 'body.G.body.B.body.N'),
    ('body.G.residual_group.B.rcab.3.attention.1', 'body.G.body.B.body.3.conv_du.0'),
    ('body.G.residual_group.B.rcab.3.attention.3', 'body.G.body.B.body.3.conv_du.2'),
    ('body.G.conv', 'body.G.body.{blocks}'),
    ('conv_after_body', 'body.{groups}'),
    ('upsample.N', 'tail.0.N'),
    ('conv_last', 'tail.1'),
]
RANGE = 255.0  # of the images on which their networks work


def from_authors(weights: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[float], float] | None:
    """Return weights under our names, ``rgb_mean``, ``img_range``; None if the names are not the authors'."""
    if not {'head.0.weight', 'tail.1.weight', 'body.0.body.0.body.3.conv_du.0.weight'} <= weights.keys():
        return None
    means = {key for key in weights if key.startswith(('sub_mean.', 'add_mean.'))}
    renamed = _renamed({key: value for key, value in weights.items() if key not in means}, 1)
    if 'sub_mean.bias' not in means:  # the variant without normalisation
        return renamed, [0.0] * len(weights['tail.1.bias']), 1.0
    return renamed, [round(value / -RANGE, 6) for value in weights['sub_mean.bias'].tolist()], RANGE


def to_authors(weights: Mapping[str, Tensor], rgb_mean: list[float]) -> dict[str, Tensor]:
    """Return the weights under the authors' names, with the means as layers."""
    shift, eye = torch.tensor(rgb_mean) * RANGE, torch.eye(len(rgb_mean))[..., None, None]
    means = {
        'sub_mean.weight': eye,
        'sub_mean.bias': -shift,
        'add_mean.weight': eye.clone(),
        'add_mean.bias': shift,
    }
    return means | _renamed(weights, 0)


def _renamed(weights: Mapping[str, Tensor], source: int) -> dict[str, Tensor]:
    groups, blocks = (
        1 + max(int(found[1]) for found in map(re.compile(pattern).match, weights) if found)
        for pattern in (
            (r'body\.(\d+)\.residual_group\.', r'body\.\d+\.residual_group\.(\d+)\.')
            if source == 0
            else (r'body\.(\d+)\.body\.', r'body\.\d+\.body\.(\d+)\.body\.')
        )
    )
    rules = []
    for pair in NAMES:
        old, new = (pair[side].format(groups=groups, blocks=blocks) + '.K' for side in (source, 1 - source))
        pattern = re.sub(r'\b([GBN])\b', r'(?P<\1>\\d+)', re.escape(old)).replace('K', r'(?P<K>weight|bias)')
        rules.append((re.compile(pattern), re.sub(r'\b([GBNK])\b', r'\\g<\1>', new)))
    return {
        next((rule.sub(name, key) for rule, name in rules if rule.fullmatch(key)), key): value
        for key, value in weights.items()
    }
