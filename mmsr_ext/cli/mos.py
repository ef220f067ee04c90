"""Let people rate images: python tools/mos_study.py build --methods a=FOLDER b=FOLDER --gt GT -o study"""

from __future__ import annotations

import argparse

from ..tool_names import tool
from .command import add_max_pixels

DESCRIPTION = 'The mean-opinion-score test of the SRGAN paper: people rate images from 1 to 5.'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    commands = parser.add_subparsers(dest='command', required=True)

    build = commands.add_parser(
        'build', help='write the page that raters see', description='Write a blinded page and its key.'
    )
    build.add_argument(
        '--methods',
        nargs='+',
        required=True,
        metavar='NAME=FOLDER',
        help='folders of results; files are matched by name',
    )
    build.add_argument(
        '--gt', required=True, metavar='FOLDER', help='the original images, which are shown as examples of 5'
    )
    build.add_argument(
        '--nearest',
        metavar='FOLDER',
        help='LQ images, NAME or NAMEx<scale>; enlarged without smoothing they stand for 1',
    )
    build.add_argument('--scale', type=int, default=4, help='from LQ to GT (default: 4)')
    build.add_argument(
        '--training',
        metavar='FOLDER',
        help="other original images to calibrate raters with (default: 2 of the study's images)",
    )
    build.add_argument('-o', '--out', required=True, metavar='OUT', help='folder of the study, new or empty')

    add_max_pixels(build)

    serve = commands.add_parser(
        'serve',
        help='collect ratings',
        description='Serve the page, and collect ratings in OUT/ratings.jsonl.',
    )
    serve.add_argument('out', metavar='OUT', help='folder of the study')
    serve.add_argument('--port', type=int, default=8000, help='(default: 8000)')
    serve.add_argument(
        '--host', default='127.0.0.1', help='address to listen on (default: 127.0.0.1, this machine alone)'
    )

    serve.add_argument(
        '--name',
        dest='names',
        action='append',
        default=[],
        help='host name under which raters reach the server, if it is not that of this machine',
    )

    score = commands.add_parser(
        'score',
        help='print the scores',
        description='Print mean opinion scores and how consistent raters are.',
    )
    score.add_argument('out', metavar='OUT', help='folder of the study')
    score.add_argument(
        'ratings',
        nargs='*',
        metavar='RATINGS',
        help='files that raters saved, in addition to what the server collected',
    )
    score.add_argument('--plot', metavar='FILE', help='plot the distribution to this file')
    score.add_argument('--json', metavar='FILE', help='write everything as JSON')
    score.add_argument('--csv', metavar='FILE', help='write the table of methods as CSV')
    score.add_argument('--exclude-failed', action='store_true', help='exclude raters who fail calibration')
    score.add_argument(
        '--threshold',
        type=float,
        default=1.0,
        help='mean distance from the known answers above which a rater fails (default: 1)',
    )
    score.add_argument(
        '--resamples', type=int, default=2000, help='number of bootstrap resamples (default: 2000)'
    )
    score.add_argument('--seed', type=int, default=0, help='seed of the bootstrap (default: 0)')


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    from .. import mos

    if args.command == 'build':
        study = mos.build_study(
            mos.parse_methods(args.methods), args.gt, args.out, args.nearest, args.scale, args.training
        )
        print(
            f'{len(study.items)} items of {len(study.methods)} methods, and {len(study.training)} for '
            'practice.\n'
            f'Collect ratings: {tool("mos")} serve {args.out}\n'
            f'or hand out the folder {args.out}/page; raters open index.html and save a file. '
            f'Keep {args.out}/key.json to yourself.'
        )
    elif args.command == 'serve':
        count = mos.serve_study(args.out, args.port, args.host, args.names)
        print(f'{count} ratings. Score them: {tool("mos")} score {args.out}')
    else:
        result = mos.score_study(
            args.out, args.ratings, args.exclude_failed, args.threshold, args.resamples, args.seed
        )
        print(result.text())
        for path, save in [
            (args.json, result.save_json),
            (args.csv, result.save_csv),
            (args.plot, result.save_plot),
        ]:
            if path:
                save(path)
