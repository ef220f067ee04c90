"""A page to try networks on: python tools/demo.py work_dirs/psnr.pth work_dirs/gan.pth"""

import argparse


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Serve a page on this machine: drop an image, choose networks, compare with a slider.')
    parser.add_argument('checkpoints', nargs='+', metavar='CHECKPOINT', help='files of networks, or folders of such')
    parser.add_argument('--device', help='cpu, cuda, cuda:1, ... (default: a GPU if there is one)')
    parser.add_argument('--precision', choices=['fp32', 'fp16', 'bf16'], default='fp32')
    parser.add_argument('--port', type=int, default=7860)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from mmsr_ext.apis.demo import serve
    serve(**vars(args))


if __name__ == '__main__':
    args = parse_args()
    from mmsr_ext.apis import cli
    cli.run(lambda: main(args))
