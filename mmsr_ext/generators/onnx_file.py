"""The metadata of ONNX files, and the packages that they need."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError

MISSING = (
    "ONNX needs the packages onnx and onnxruntime: pip install -e '.[export]', or pip install onnx "
    'onnxruntime'
)


def require_onnx() -> None:
    """Make sure that ONNX files can be written and checked.

    Raises:
        InputError: If a package is missing, with the command that installs it.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise InputError(f'{MISSING} ({error}).') from error


def read_properties(path: str | Path) -> dict[str, str]:
    """Return an ONNX file's metadata_props.

    Raises:
        InputError: If onnx is not installed, or the file is damaged.
    """
    require_onnx()
    import onnx
    from google.protobuf.message import DecodeError

    try:
        return {
            item.key: item.value for item in onnx.load(str(path), load_external_data=False).metadata_props
        }
    except DecodeError as error:
        raise InputError(f'{path} is no ONNX file, or is damaged: {error}.') from error
