"""The kinds of image files, and for each of them the decoder that is known to be right for it."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from ..errors import InputError

Decoder = Literal['Pillow', 'tifffile', 'libpng', 'openjpeg', 'libavif', 'plain']

# TIFF 6.0 and its supplements: tags 259, 262 and 339
COMPRESSIONS = {
    1: 'uncompressed',
    2: 'CCITT RLE',
    3: 'CCITT T.4',
    4: 'CCITT T.6',
    5: 'LZW',
    6: 'old JPEG',
    7: 'JPEG',
    8: 'deflate',
    32773: 'PackBits',
    32946: 'deflate',
    34712: 'JPEG 2000',
    34887: 'LERC',
    34925: 'LZMA',
    50000: 'ZSTD',
    50001: 'WebP',
    50002: 'JPEG XL',
}
COLOURS = {
    0: 'grey',
    1: 'grey',
    2: 'RGB',
    3: 'palette',
    4: 'mask',
    5: 'CMYK',
    6: 'YCbCr',
    8: 'CIELAB',
    9: 'ICC LAB',
    32803: 'sensor (CFA)',
    32844: 'LogL',
    32845: 'LogLuv',
    34892: 'linear sensor',
}
SAMPLES = {1: 'unsigned', 2: 'signed', 3: 'float', 4: 'unsigned', 5: 'complex', 6: 'complex'}

EXACT = ('uncompressed', 'LZW', 'deflate', 'PackBits', 'LZMA', 'ZSTD')
FAX = ('CCITT RLE', 'CCITT T.4', 'CCITT T.6')
ANY = ('',)

MAGICK = 'magick SOURCE -depth 16 TARGET.png'

# formats whose pixels of 8 bits or fewer Pillow reads as they are meant
BY_PILLOW = (
    'AVIF',
    'BMP',
    'DDS',
    'DIB',
    'GIF',
    'ICNS',
    'ICO',
    'IM',
    'JPEG',
    'JPEG2000',
    'MPO',
    'MSP',
    'PCX',
    'PPM',
    'QOI',
    'SGI',
    'TGA',
    'WEBP',
    'XBM',
)


@dataclass(frozen=True)
class Kind:
    """What decides which decoder can read a file. Orientation does not: it is applied after decoding.

    >>> str(Kind('TIFF', 16, 'RGB', 'LZW', planar=True))
    'a TIFF file of 16-bit unsigned RGB pixels (LZW, planes separate)'

    Args:
        format: Name of the format in Pillow.
        bits: Bits per sample; 0 if the samples differ in it.
        colours: Meaning of the samples: one of the values of ``COLOURS``, or '' where Pillow decides.
        compression: One of the values of ``COMPRESSIONS``; '' for formats other than TIFF.
        planar: Whether each channel is stored apart.
        sample: 'unsigned', 'signed', 'float' or 'complex'.
        subsampled: Whether colours have fewer samples than brightness.
    """

    format: str
    bits: int = 8
    colours: str = ''
    compression: str = ''
    planar: bool = False
    sample: str = 'unsigned'
    subsampled: bool = False

    def __str__(self) -> str:
        bits = f'{self.bits}-bit' if self.bits else 'mixed-depth'
        notes = [self.compression] * bool(self.compression)
        notes += ['planes separate'] * self.planar + ['colours subsampled'] * self.subsampled
        pixels = ' '.join(filter(None, [bits, self.sample, self.colours, 'pixels']))
        return f'a {self.format} file of {pixels}' + (f' ({", ".join(notes)})' if notes else '')


class Row(NamedTuple):
    """A set of kinds and their decoder.

    Args:
        format: Name of the format in Pillow.
        bits: Bits per sample.
        colours: Meanings of the samples.
        compressions: Compressions.
        planar: Whether channels may be stored apart, too.
        subsampled: Whether colours may have fewer samples than brightness.
        decoder: Who decodes.
    """

    format: str
    bits: Collection[int]
    colours: Collection[str]
    compressions: Collection[str]
    planar: bool
    subsampled: bool
    decoder: Decoder


# tests/io/test_image_matrix.py writes every kind, and compares the decoder with a second one
DECODERS = (
    Row('TIFF', (1, 2, 4, 8, 16), ('grey',), EXACT, True, False, 'tifffile'),
    Row('TIFF', (8, 16), ('RGB', 'CMYK'), EXACT, True, False, 'tifffile'),
    Row('TIFF', (1, 2, 4, 8), ('palette',), EXACT, False, False, 'tifffile'),
    Row('TIFF', (1,), ('grey',), FAX, False, False, 'tifffile'),
    Row('TIFF', (8,), ('grey', 'RGB', 'CMYK', 'YCbCr'), ('JPEG',), False, True, 'tifffile'),
    Row('TIFF', (8,), ('RGB',), ('WebP',), False, False, 'tifffile'),
    Row('TIFF', (8,), ('YCbCr',), ('uncompressed',), False, False, 'Pillow'),
    Row('TIFF', (8,), ('YCbCr',), EXACT[1:], False, True, 'Pillow'),
    Row('TIFF', (8,), ('CIELAB',), EXACT, False, False, 'Pillow'),
    Row('PNG', (8, 16), ANY, ANY, False, False, 'libpng'),
    Row('PPM', (16,), ANY, ANY, False, False, 'plain'),
    Row('JPEG2000', (16,), ANY, ANY, False, False, 'openjpeg'),
    Row('AVIF', (10, 12), ANY, ANY, False, False, 'libavif'),
    *(Row(format, (8,), ANY, ANY, False, False, 'Pillow') for format in BY_PILLOW),
)


def decoder_of(kind: Kind, path: str | Path) -> Decoder:
    """Return the decoder of a kind of file.

    Args:
        kind: The kind.
        path: The file, for the error.

    Raises:
        InputError: If none is known to be right for it; the error says what the file is, and the command that
            converts it.
    """
    for row in DECODERS:
        if (
            kind.format == row.format
            and kind.sample == 'unsigned'
            and kind.bits in row.bits
            and kind.colours in row.colours
            and kind.compression in row.compressions
            and kind.planar <= row.planar
            and kind.subsampled <= row.subsampled
        ):
            return row.decoder
    raise refusal(path, str(kind))


def refusal(path: str | Path, what: str, command: str = MAGICK) -> InputError:
    """Return the error for a sound file that is not read.

    Args:
        path: The file.
        what: What it is, such as 'a TIFF file of 32-bit float RGB pixels'.
        command: The command that converts it: SOURCE stands for the file, TARGET for its name without the
            ending.
    """
    source = Path(path)
    stem = str(source.with_suffix(''))
    words = [word.replace('SOURCE', str(path)) for word in command.split()]
    stem += '_converted' * (f'TARGET{source.suffix}' in words)
    words = [word.replace('TARGET', stem) for word in words]
    return InputError(f'{path} is {what}, which is not read. Convert it: {shlex.join(words)}')
