"""A web page that upscales an image with one network, or an interpolation of two, and compares the result."""

from __future__ import annotations

import base64
import html
import io
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..errors import InputError
from ..generators.interpolate import interpolate
from ..generators.load import load_generator
from ..io.picture_writing import write_picture
from ..io.pictures import read_picture
from .tile_runner import Precision
from .upscaler import Upscaler

NONE = '(none)'
HOSTS = ['localhost', '127.0.0.1']
UPLOAD = 2**28  # bytes of an image
SHOWN = 1600  # px, the larger side of the images under the slider; the file to download has full size
TITLE = 'mmsr_ext: drop an image, choose a network'
# The slider sets a CSS variable; gradio would not run a script.
SLIDER = """<div class="compare" style="--cut:50%;position:relative;max-width:{width}px;margin:auto;overflow:hidden">
<img alt="result" src="{result}" style="display:block;width:100%">
<img alt="input" src="{source}" style="position:absolute;inset:0;width:100%;height:100%;clip-path:inset(0 calc(100% - var(--cut)) 0 0)">
<div style="position:absolute;top:0;bottom:0;left:var(--cut);width:2px;background:#fff;box-shadow:0 0 3px #000;pointer-events:none"></div>
<input type="range" min="0" max="100" value="50" aria-label="share of the input" style="position:absolute;left:0;bottom:4px;width:100%"
 oninput="this.parentElement.style.setProperty('--cut', this.value + '%')">
</div><p style="text-align:center">{caption}</p>"""  # noqa: E501  lines of the template


class Demo:
    """The functions behind the page, usable without it.

    Args:
        checkpoints: Files of networks, or folders of them.
        device: See ``Upscaler``.
        precision: See ``Upscaler``.

    Attributes:
        files: The files, by the names that the page shows.

    Raises:
        InputError: If a path does not exist, or there are no networks.
    """

    def __init__(
        self, checkpoints: Sequence[str | Path], device: str | None = None, precision: Precision = 'fp32'
    ) -> None:
        found: list[Path] = []
        for path in map(Path, checkpoints):
            if not path.exists():
                raise InputError(f'{path} does not exist. Give files of networks, or folders of them.')
            found += (
                sorted(
                    file
                    for file in path.rglob('*')
                    if file.suffix in ('.pth', '.safetensors') and not file.name.startswith('.')
                )
                if path.is_dir()
                else [path]
            )
        if not found:
            raise InputError(
                f'{", ".join(map(str, checkpoints)) or "nothing"} has no .pth or .safetensors file. Give '
                'files of networks.'
            )
        self.files = {str(path): path for path in found}
        self.device, self.precision = device, precision
        self.folder = tempfile.TemporaryDirectory(prefix='mmsr_ext_demo_')
        self._upscaler = lru_cache(4)(self._load)

    def upscale(self, image: str | None, a: str, b: str = NONE, alpha: float = 0.0) -> tuple[str, str]:
        """Upscale an image with one network, or an interpolation of two.

        Args:
            image: Path of an image file; None if the user gave no image, which is an error.
            a: The network at alpha = 0, one of ``files``.
            b: The network at alpha = 1, one of ``files``, or '(none)' for ``a`` alone.
            alpha: Interpolation weight, in [0, 1].

        Returns:
            HTML of the slider, and the path of the result, a PNG file.

        Raises:
            InputError: If there is no image, or the image or a network cannot be used.
        """
        if not image:
            raise InputError('no image was given. Drop one on the page.')
        for name in [a] if b == NONE else [a, b]:
            if name not in self.files:
                raise InputError(
                    f'{name!r} is not a network of this page; expected one of {", ".join(self.files)}.'
                )
        picture = read_picture(image)
        upscaler = self._upscaler(a, b, round(float(alpha), 2) if b != NONE else 0.0)
        result = upscaler(picture.pixels)
        path = Path(self.folder.name) / f'{Path(image).stem}_x{upscaler.outscale:g}.png'
        size, channels = result.shape[:2], result.shape[2]
        write_picture(path, size, channels, result.dtype, [result], picture.icc, chunks=picture.chunks)
        height, width = picture.pixels.shape[:2]
        caption = (
            f'left: input, {width}x{height} px; right: {result.shape[1]}x{result.shape[0]} px of '
            f'{_network_name(a, b, alpha)}'
        )
        return compare(picture.pixels, result, caption), str(path)

    def _load(self, a: str, b: str, alpha: float) -> Upscaler:
        if b == NONE:
            return Upscaler(self.files[a], self.device, self.precision)
        network, other = load_generator(self.files[a]), load_generator(self.files[b])
        network.load_state_dict(interpolate(network.state_dict(), other.state_dict(), alpha))
        return Upscaler(network, self.device, self.precision)


def compare(source: np.ndarray, result: np.ndarray, caption: str) -> str:
    """HTML that shows two images in one place, with a slider between them.

    Args:
        source: Shape (H, W, C), uint8 or uint16; enlarged without smoothing to the size of ``result``.
        result: Shape (H', W', C), uint8 or uint16.
        caption: Text below the images.
    """
    shown = _shown(result)
    before = _shown(source).resize(shown.size, Image.Resampling.NEAREST)
    return SLIDER.format(
        width=shown.width, result=_url(shown), source=_url(before), caption=html.escape(caption)
    )


def build(demo: Demo) -> Any:
    """The page, a ``gradio.Blocks``.

    Raises:
        InputError: If gradio is not installed.
    """
    try:
        import gradio
    except ImportError as error:
        raise InputError(
            f"the page needs gradio ({error}). Install it with: pip install 'gradio>=5,<5.15'"
        ) from error

    def upscale(image: str | None, a: str, b: str, alpha: float) -> tuple[str, str]:
        try:
            return demo.upscale(image, a, b, alpha)
        except InputError as error:
            raise gradio.Error(html.escape(str(error))) from error

    names = list(demo.files)
    theme = gradio.themes.Default(font=['sans-serif'], font_mono=['monospace'])  # no fonts from other servers
    with gradio.Blocks(title=TITLE, theme=theme, analytics_enabled=False) as page:
        gradio.Markdown(f'## {TITLE}')
        with gradio.Row():
            with gradio.Column(scale=1):
                image = gradio.Image(
                    type='filepath', label='Image', image_mode=None, sources=['upload', 'clipboard']
                )
                a = gradio.Dropdown(names, value=names[0], label='Network (alpha = 0)')
                b = gradio.Dropdown(
                    [NONE, *names], value=NONE, label='Other network of its architecture (alpha = 1)'
                )
                alpha = gradio.Slider(0, 1, value=0.5, step=0.05, label='alpha')
                button = gradio.Button('Upscale', variant='primary')
            with gradio.Column(scale=2):
                slider = gradio.HTML()
                download = gradio.File(label='Result')
        # no API: gradio 5.13 cannot describe a file to today's pydantic
        button.click(upscale, [image, a, b, alpha], [slider, download], api_name=False)
    return page


def serve(
    checkpoints: Sequence[str | Path],
    device: str | None = None,
    precision: Precision = 'fp32',
    port: int = 7860,
) -> None:
    """Serve the page on this machine only, until Ctrl-C.

    Args:
        checkpoints: Files of networks, or folders of them.
        device: See ``Upscaler``.
        precision: See ``Upscaler``.
        port: TCP port of the page.

    Raises:
        InputError: For the reasons of ``Demo`` and ``build``, or if the port is in use.
    """
    demo = Demo(checkpoints, device, precision)
    page = build(demo)
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    try:
        page.queue().launch(
            server_name='127.0.0.1',
            server_port=port,
            share=False,
            allowed_paths=[demo.folder.name],
            max_file_size=UPLOAD,
            # a page of another name that a browser was told leads here gets nothing; gradio checks the origin
            app_kwargs=dict(middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)]),
        )
    except OSError as error:
        raise InputError(f'port {port} cannot be used ({error}). Give another with --port.') from error


def _network_name(a: str, b: str, alpha: float) -> str:
    return a if b == NONE else f'{1 - alpha:g} of {a} and {alpha:g} of {b}'


def _shown(pixels: np.ndarray) -> Image.Image:
    """Convert pixels to an 8-bit colour image of at most ``SHOWN`` px."""
    pixels = pixels if pixels.dtype == np.uint8 else (pixels // 257).astype(np.uint8)
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).convert(
        'RGBA' if pixels.shape[2] in (2, 4) else 'RGB'
    )
    image.thumbnail((SHOWN, SHOWN))
    return image


def _url(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, 'png')
    return f'data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}'
