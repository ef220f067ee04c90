"""Write TIFF and PNG files of any kind with the standard library alone, so that what they hold is known."""

import lzma
import struct
import zlib

import imagecodecs
import numpy as np


def lzw(data):
    """LZW of TIFF by codes of 9 bits alone: the table is cleared before it grows."""
    codes = [code for at in range(0, len(data), 200) for code in (256, *data[at : at + 200])] + [257]
    bits = ''.join(format(code, '09b') for code in codes)
    return int(bits.ljust(-len(bits) % 8 + len(bits), '0'), 2).to_bytes(-(-len(bits) // 8), 'big')


def packbits(data):
    """PackBits by copies of up to 128 bytes."""
    parts = [data[at : at + 128] for at in range(0, len(data), 128)]
    return b''.join(bytes([len(part) - 1]) + part for part in parts)


COMPRESSORS = {
    'uncompressed': (1, bytes),
    'LZW': (5, lzw),
    'deflate': (8, zlib.compress),
    'old deflate': (32946, zlib.compress),
    'PackBits': (32773, packbits),
    'LZMA': (34925, lzma.compress),
    'ZSTD': (50000, imagecodecs.zstd_encode),
}


def packed(rows, bits, order='>'):
    """Samples, shape (h, n), as bytes; rows of fewer than 8 bits a sample are padded to whole bytes."""
    if bits >= 8:
        return rows.astype(rows.dtype.newbyteorder(order)).tobytes()
    spread = (rows[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(spread.reshape(len(rows), -1).astype(np.uint8), axis=1).tobytes()


def write_tiff(
    path,
    samples,
    bits,
    photometric,
    compression='uncompressed',
    planar=False,
    orientation=1,
    extras=(),
    order='<',
    tile=None,
    predictor=False,
    sample_format=1,
    tags=None,
    rows_per_strip=8,
):
    """Write samples, shape (H, W, C), to a TIFF file. ``tags`` are more tags: number -> (kind, values)."""
    height, width, channels = samples.shape
    code, compress = COMPRESSORS[compression]
    parts = []
    for plane in np.split(samples, channels, 2) if planar else [samples]:
        step_y, step_x = (tile, tile) if tile else (rows_per_strip, width)
        for top in range(0, height, step_y):
            for left in range(0, width, step_x):
                part = plane[top : top + step_y, left : left + step_x]
                if tile:
                    part = np.pad(part, ((0, tile - part.shape[0]), (0, tile - part.shape[1]), (0, 0)))
                if predictor:
                    shape = (len(part), 1, part.shape[2])
                    part = np.diff(part, axis=1, prepend=np.zeros(shape, part.dtype))
                parts.append(compress(packed(part.reshape(len(part), -1), bits, order)))
    where = [273, 279] if not tile else [324, 325]
    offsets, at, body = [], 8, b''
    for part in parts:
        offsets.append(at)
        part += b'\0' * (len(part) % 2)
        body, at = body + part, at + len(part)
    fields = {
        256: ('I', [width]),
        257: ('I', [height]),
        258: ('H', [bits] * channels),
        259: ('H', [code]),
        262: ('H', [photometric]),
        274: ('H', [orientation]),
        277: ('H', [channels]),
        284: ('H', [2 if planar else 1]),
        339: ('H', [sample_format] * channels),
        where[0]: ('I', offsets),
        where[1]: ('I', [len(part) for part in parts]),
        **({322: ('I', [tile]), 323: ('I', [tile])} if tile else {278: ('I', [rows_per_strip])}),
        **({317: ('H', [2])} if predictor else {}),
        **({338: ('H', list(extras))} if extras else {}),
        **(tags or {}),
    }
    kinds = {'H': 3, 'I': 4, 'B': 7}
    entries, more, tail = b'', b'', at + 2 + 12 * len(fields) + 4
    for tag, (kind, values) in sorted(fields.items()):
        data = struct.pack(f'{order}{len(values)}{kind}', *values)
        field = data.ljust(4, b'\0') if len(data) <= 4 else struct.pack(f'{order}I', tail + len(more))
        more += b'' if len(data) <= 4 else data + b'\0' * (len(data) % 2)
        entries += struct.pack(f'{order}HHI', tag, kinds[kind], len(values)) + field
    head = (b'II' if order == '<' else b'MM') + struct.pack(f'{order}HI', 42, at)
    path.write_bytes(
        head + body + struct.pack(f'{order}H', len(fields)) + entries + struct.pack(f'{order}I', 0) + more
    )


def png_chunk(kind, data):
    """A chunk of a PNG file."""
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def exif(orientation):
    """EXIF that holds an orientation alone."""
    return struct.pack('>2sHIHHHIHHI', b'MM', 42, 8, 1, 0x112, 3, 1, orientation, 0, 0)


def write_png(path, samples, bits, colour_type, before=(), after=()):
    """Write samples, shape (H, W, C), to a PNG file, with chunks (kind, data) before and after the pixels."""
    height, width = samples.shape[:2]
    rows = packed(samples.reshape(height, -1), bits)
    length = len(rows) // height
    raw = b''.join(b'\0' + rows[at : at + length] for at in range(0, len(rows), length))
    chunks = [
        (b'IHDR', struct.pack('>IIBBBBB', width, height, bits, colour_type, 0, 0, 0)),
        *before,
        (b'IDAT', zlib.compress(raw)),
        *after,
        (b'IEND', b''),
    ]
    path.write_bytes(b'\x89PNG\r\n\x1a\n' + b''.join(png_chunk(*chunk) for chunk in chunks))


def cmyk_profile():
    """An ICC profile of four inks: a table of their colours in Lab, version 2.4."""
    steps = np.linspace(0, 1, 4)
    c, m, y, k = np.meshgrid(steps, steps, steps, steps, indexing='ij')
    light = (1 - 0.4 * c) * (1 - 0.45 * m) * (1 - 0.08 * y) * (1 - 0.9 * k)
    lab = [93 * light, (66 * m - 34 * c) * (1 - k), (86 * y - 46 * c) * (1 - k)]
    values = np.stack([lab[0] * 2.55, 128 + lab[1], 128 + lab[2]], -1)
    ramp, table = bytes(range(256)), np.clip(np.rint(values), 0, 255).astype(np.uint8).tobytes()
    unit = struct.pack('>9i', 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    d50 = struct.pack('>3I', 63190, 65536, 54061)
    tags = {
        b'desc': b'desc\0\0\0\0' + struct.pack('>I', 5) + b'inks\0' + bytes(78),
        b'wtpt': b'XYZ \0\0\0\0' + d50,
        b'A2B0': b'mft1\0\0\0\0' + bytes([4, 3, 4, 0]) + unit + ramp * 4 + table + ramp * 3,
    }
    index, body, at = struct.pack('>I', len(tags)), b'', 132 + 12 * len(tags)
    for name, data in tags.items():
        index += name + struct.pack('>II', at + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack('>I4sI4s4s4s', at + len(body), bytes(4), 0x02400000, b'prtr', b'CMYK', b'Lab ')
    return (head + bytes(12) + b'acsp' + bytes(28) + d50).ljust(128, b'\0') + index + body
