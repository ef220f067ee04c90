"""Read from headers what Pillow does not say, such as how deep the samples are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .kinds import Kind

SIGNATURE = b'\xff\x4f\xff\x51'  # SOC and SIZ of a JPEG 2000 codestream, ISO/IEC 15444-1, A.5.1
DEPTH_AT = 42  # offset from there to the depth of the first channel
DEEP_AVIF, TWELVE_BITS = 0x40, 0x20  # flags in the third byte of av1C, AV1-ISOBMFF 2.3.3
TIFF_MAGIC = (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')  # the last two of BigTIFF
BC6H = 6  # compression of floats in DDS files, by Pillow's numbers


def head(path: str | Path, size: int = 1 << 16) -> bytes:
    """Read the beginning of a file."""
    with open(path, 'rb') as file:
        return file.read(size)


def is_tiff(path: str | Path) -> bool:
    """Whether a file begins like a TIFF file."""
    return head(path, 4) in TIFF_MAGIC


def kind_of(image: Any, path: str | Path) -> Kind:
    """Tell the kind of a file; Pillow itself reduces colours of 16 bits to 8 without a word.

    Args:
        image: What Pillow has opened, but not loaded; not a TIFF file.
        path: The file.
    """
    format, bits, sample = image.format, 8, 'unsigned'
    codec: str = image.tile[0].codec_name if image.tile else ''
    args: Any = image.tile[0].args if image.tile else ()
    if format == 'AVIF':
        data = head(path)
        flags = data[data.find(b'av1C') + 6] if b'av1C' in data else 0
        bits = 8 if not flags & DEEP_AVIF else 12 if flags & TWELVE_BITS else 10
    elif format == 'JPEG2000':
        data = head(path)
        depth = data[data.find(SIGNATURE) + DEPTH_AT] if SIGNATURE in data else 7
        bits, sample = max((depth & 0x7F) + 1, 8), 'signed' if depth & 0x80 else sample
    elif format == 'PPM' and codec.startswith('ppm') and isinstance(args, tuple) and len(args) > 1:
        bits = 16 if args[1] > 255 else 8
    elif format == 'DDS' and codec == 'bcn' and args[0] == BC6H:
        bits, sample = 16, 'float'
    elif format == 'SGI':
        bits = 16 if codec == 'SGI16' or args[-1] == 2 else 8  # bytes of a sample
    elif ';16B' in str(args):  # PNG, PGM; 'BGR;16' is a BMP file of 5 or 6 bits for each colour
        bits = 16
    elif image.mode in ('I', 'F') or image.mode.startswith('I;16'):
        bits, sample = (16, sample) if ';' in image.mode else (32, 'float' if image.mode == 'F' else sample)
    return Kind(format, bits, sample=sample)


def is_lossless_webp(path: str | Path) -> bool:
    """Whether the pixels of a WebP file are in a VP8L chunk (RFC 9649)."""
    with open(path, 'rb') as file:
        file.seek(12)
        while len(header := file.read(8)) == 8:
            if header[:4] in (b'VP8L', b'VP8 '):
                return header[:4] == b'VP8L'
            length = int.from_bytes(header[4:], 'little')
            file.seek(length + length % 2, 1)
    return False
