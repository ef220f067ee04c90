"""The perception-distortion plane."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from ..errors import InputError
from ..io.atomic import whole_file

PERCEPTUAL = ('LPIPS', 'DISTS', 'NIQE', 'FID')  # of all these lower is better


def save_tradeoff(path: Path, table: Mapping[str, Mapping[str, float]], labels: Mapping[str, str]) -> None:
    """Plot networks by their fidelity and their perceptual quality, joined by a line in the given order.

    PSNR (of the Y channel if the table has it) is on the horizontal axis. On the vertical one is the table's
    first perceptual metric of LPIPS, DISTS, NIQE and FID, lower being better; without any of them SSIM, and
    the title says that it is no perceptual metric.

    Source: Blau and Michaeli 2018 for the plane.

    Args:
        path: A .png file.
        table: Metric by name by network, as ``evaluate`` returns it. Networks without a label are drawn
            beside the line.
        labels: Text at the network's point.

    Raises:
        InputError: If the table lacks PSNR, or both SSIM and a perceptual metric.
    """
    metrics = list(dict.fromkeys(name for row in table.values() for name in row))
    distortion = _first(metrics, ['PSNR-Y', 'PSNR'])
    perceptual = _first(metrics, PERCEPTUAL)
    vertical = perceptual or _first(metrics, ['SSIM-Y', 'SSIM'])
    if distortion is None or vertical is None:
        raise InputError(
            f'no plot of perception and distortion from the metrics {", ".join(metrics) or "(none)"}: add '
            f'PSNR, and one of {", ".join(PERCEPTUAL)} or SSIM, to test_evaluator of the config.'
        )
    figure = Figure(figsize=(6, 4.5), layout='constrained')
    axes = figure.add_subplot()
    points = {
        name: (row[distortion], row[vertical])
        for name, row in table.items()
        if distortion in row and vertical in row
    }
    axes.plot(*zip(*(points[name] for name in labels if name in points)), 'o-')
    for name, point in points.items():
        if name not in labels:
            axes.plot(*point, 'x', color='grey')
        axes.annotate(labels.get(name, name), point, (0, 7), textcoords='offset points', ha='center')
    axes.set_xlabel(f'{distortion} in dB (higher is better)')
    axes.set_ylabel(f'{vertical} ({"lower" if perceptual else "higher"} is better)')
    axes.set_title(
        'Perception and distortion'
        if perceptual
        else f'{vertical} takes the place of a perceptual metric: the config has none',
        fontsize=10,
    )
    axes.grid(alpha=0.3)
    with whole_file(path) as partial:
        figure.savefig(partial, dpi=150)


def _first(names: list[str], wanted: tuple[str, ...] | list[str]) -> str | None:
    """Return the first name that starts with the first wanted one that any starts with."""
    return next((name for start in wanted for name in names if name.startswith(start)), None)
