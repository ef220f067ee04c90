"""A page that shows images before and after under the slider of the report."""

from __future__ import annotations

import base64
import io
import json
import os
import re
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote

import numpy as np
from PIL import Image

from ...io.atomic import write_text
from ...io.pictures import read_picture, read_size
from .page import PAGE_BYTES, resource

KINDS = {
    '.png': 'image/png',
    '.jpg': 'image/jpeg',
    '.jpeg': 'image/jpeg',
    '.webp': 'image/webp',
    '.bmp': 'image/bmp',
}
NAME = 'compare.html'


def save_slider(pairs: Mapping[Path, Path]) -> Path:
    """Write a page beside the results: for one image under its name, else as ``compare.html``.

    Up to 100 MB of images are in the page; others are linked, and must stay where they are.

    Args:
        pairs: Path of the result of every image. Those that are not there are left out.

    Returns:
        Path of the page.

    Raises:
        InputError: If it cannot be written, or an image cannot be read.
    """
    done = {before: after for before, after in pairs.items() if after.is_file()}
    results = list(done.values()) or list(pairs.values())
    page = results[0].with_suffix('.html')
    if len(results) > 1:
        page = Path(os.path.commonpath([path.absolute().parent for path in results]), NAME)
    template = re.sub(
        r'<section aria-labelledby="(figures|curves|about)-title".*?</section>',
        '',
        resource('page.html'),
        flags=re.DOTALL,
    )
    title = f'{results[0].stem}: before and after' if len(results) == 1 else 'Before and after'
    text = Template(template).safe_substitute(
        title=escape(title),
        style=resource('page.css'),
        script=resource('page.js'),
        shown='',
        images=json.dumps([dict(name='images', images=list(_images(done, page.parent)))]).replace(
            '<', '\\u003c'
        ),
    )
    write_text(page, text)
    return page


def _images(pairs: Mapping[Path, Path], folder: Path) -> Iterator[dict[str, Any]]:
    room = PAGE_BYTES
    for before, after in pairs.items():
        height, width = read_size(after)
        room -= (before.stat().st_size + after.stat().st_size) * 4 // 3
        layers = [
            dict(label=label, source=_source(path, folder, room > 0), figures='')
            for label, path in (('before', before), ('after', after))
        ]
        yield dict(name=after.name, width=width, height=height, layers=layers)


def _source(path: Path, folder: Path, embedded: bool) -> str:
    """Return the address of an image that browsers show."""
    kind = KINDS.get(path.suffix.lower())
    if kind and not embedded:
        return quote(os.path.relpath(path, folder))
    content = base64.b64encode(path.read_bytes() if kind else _png(path)).decode()
    return f'data:{kind or "image/png"};base64,{content}'


def _png(path: Path) -> bytes:
    pixels = read_picture(path).pixels
    if pixels.dtype == np.uint16:
        pixels = (pixels // 257).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(buffer, 'png')
    return buffer.getvalue()
