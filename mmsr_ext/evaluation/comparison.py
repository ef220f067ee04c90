"""One picture of several methods' outputs."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

CELL, ZOOM, LABEL, ROWS = 112, 2, 24, 4


def save_comparison(folder: Path, methods: list[str], images: list[str]) -> Path:
    """Write ``folder/comparison.png``: the centre of every image, a column for each method, GT last.

    Args:
        folder: Holds <method>/<image>.png.
        methods: The columns.
        images: The rows; the first 4 are drawn.

    Returns:
        The picture.
    """
    columns, rows = [*methods, 'GT'], images[:ROWS]
    size = CELL * ZOOM
    picture = Image.new('RGB', (size * len(columns), LABEL + size * len(rows)), 'white')
    draw = ImageDraw.Draw(picture)
    for column, method in enumerate(columns):
        draw.text((column * size + size // 2, LABEL // 2), method, 'black', ImageFont.load_default(16), 'mm')
        for row, image in enumerate(rows):
            with Image.open(folder / method / f'{image}.png') as output:
                left, top = (output.width - CELL) // 2, (output.height - CELL) // 2
                cell = output.crop((left, top, left + CELL, top + CELL)).resize(
                    (size, size), Image.Resampling.NEAREST
                )
            picture.paste(cell, (column * size, LABEL + row * size))
    path = folder / 'comparison.png'
    picture.save(path)
    return path
