#!/usr/bin/env bash
# Upscale images in several processes, each with its share: tools/dist_upscale.sh GPUS INPUT... -o FOLDER [arguments of upscale.py]
# Without a GPU the processes run on the CPU. Several machines: set NNODES, NODE_RANK, MASTER_ADDR and PORT.
set -euo pipefail
[ $# -ge 4 ] || { echo "usage: $0 GPUS INPUT... -o FOLDER [arguments of upscale.py]" >&2; exit 2; }
GPUS=$1
shift
exec bash "$(dirname "$0")/launch.sh" "$GPUS" upscale.py "$@"
