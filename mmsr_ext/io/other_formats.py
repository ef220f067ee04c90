"""Files that no reader here opens: what they are, by how they begin, and the command that converts them."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError
from .kinds import MAGICK, refusal

PAGE = 'magick -density 300 SOURCE[0] TARGET.png'
FRAMES = 'ffmpeg -i SOURCE TARGET_%05d.png'
FFMPEG = 'ffmpeg -i SOURCE TARGET.png'
DJPEG = 'djpeg -pnm -outfile TARGET.pnm SOURCE'  # of libjpeg-turbo 3, which decodes every depth
DCRAW = 'dcraw -6 -T SOURCE'

# beginning, offset: name, command
SIGNS: dict[tuple[bytes, int], tuple[str, str]] = {
    (b'\xff\x0a', 0): ('a JPEG XL file', MAGICK),
    (b'JXL \r\n\x87\n', 4): ('a JPEG XL file', MAGICK),
    (b'8BPS', 0): ('a Photoshop file', MAGICK),
    (b'gimp xcf', 0): ('a GIMP file', MAGICK),
    (b'%PDF', 0): ('a PDF file', PAGE),
    (b'%!PS', 0): ('a PostScript file', PAGE),
    (b'AT&TFORM', 0): ('a DjVu file', PAGE),
    (b'v/1\x01', 0): ('an OpenEXR file of float pixels', MAGICK),
    (b'#?RADIANCE', 0): ('a Radiance file of float pixels', MAGICK),
    (b'#?RGBE', 0): ('a Radiance file of float pixels', MAGICK),
    (b'P7\n', 0): ('a PAM file', MAGICK),
    (b'SDPX', 0): ('a DPX file', MAGICK),
    (b'XPDS', 0): ('a DPX file', MAGICK),
    (b'farbfeld', 0): ('a farbfeld file', MAGICK),
    (b'FUJIFILMCCD-RAW', 0): ('raw data of a camera', DCRAW),
    (b'IIU\0', 0): ('raw data of a camera', DCRAW),
    (b'IIRO', 0): ('raw data of a camera', DCRAW),
    (b'ftypcrx ', 4): ('raw data of a camera', DCRAW),
    (b'\x1aE\xdf\xa3', 0): ('a video', FRAMES),
    (b'AVI ', 8): ('a video', FRAMES),
    (b'ftypqt  ', 4): ('a video', FRAMES),
    (b'ftypisom', 4): ('a video', FRAMES),
    (b'ftypmp4', 4): ('a video', FRAMES),
    **{(b'ftyp' + brand, 4): ('a HEIF file', MAGICK) for brand in (b'hei', b'hev', b'mif1', b'msf1')},
    (b'ftypavi', 4): ('an AVIF file, for which this Pillow has no decoder,', MAGICK),
}
# what is no image, though a download or a clone has saved it in the place of one
NO_IMAGE = {
    b'version https://git-lfs': (
        'a pointer of Git LFS, not the image itself; run `git lfs pull` where it was cloned'
    ),
    b'<!doctype html': 'a web page, not an image; download the file itself, not the page that shows it',
    b'<html': 'a web page, not an image; download the file itself, not the page that shows it',
}
START_OF_FRAME = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC} | {0xF7}  # ITU-T T.81, table B.1; T.87
LOSSLESS, JPEG_LS = (0xC3, 0xC7, 0xCB, 0xCF), 0xF7


def named(path: str | Path, start: bytes) -> InputError | None:
    """Return the error for a file that no reader opens, if its beginning tells what it is.

    Args:
        path: The file.
        start: Its first bytes, some thousands.
    """
    if not start:
        return InputError(f'{path} cannot be read as an image (it is empty). Replace or remove the file.')
    text = start.lstrip().lower()
    for sign, what in NO_IMAGE.items():
        if text.startswith(sign):
            return InputError(f'{path} is {what}.')
    if text.startswith(b'<svg') or (text.startswith(b'<?xml') and b'<svg' in text):
        return refusal(path, 'an SVG file', PAGE)
    for (sign, offset), (what, command) in SIGNS.items():
        if start.startswith(sign, offset):
            return refusal(path, what, command)
    return _named_jpeg(path, start) if start.startswith(b'\xff\xd8\xff') else None


def _named_jpeg(path: str | Path, data: bytes) -> InputError | None:
    """Return the error for a JPEG file of a process that Pillow does not decode."""
    at = 2
    while at + 5 < len(data) and data[at] == 0xFF:
        marker, bits = data[at + 1], data[at + 4]
        if marker in START_OF_FRAME:
            if marker == JPEG_LS:
                return refusal(path, f'a JPEG-LS file of {bits}-bit pixels', FFMPEG)
            if bits != 8 or marker in LOSSLESS:
                how = ' (lossless)' if marker in LOSSLESS else ''
                return refusal(path, f'a JPEG file of {bits}-bit pixels{how}', DJPEG)
            return None
        at += 2 + int.from_bytes(data[at + 2 : at + 4], 'big')
    return None
