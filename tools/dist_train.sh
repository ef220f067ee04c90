#!/usr/bin/env bash
# Train in several processes: tools/dist_train.sh CONFIG GPUS [arguments of train.py]
# Without a GPU the processes run on the CPU. Several machines: set NNODES, NODE_RANK, MASTER_ADDR and PORT.
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: $0 CONFIG GPUS [arguments of train.py]" >&2; exit 2; }
MMSR_EXT_COMMAND=$(printf '%q ' bash "$0" "$@")
export MMSR_EXT_COMMAND
CONFIG=$1 GPUS=$2
shift 2
exec bash "$(dirname "$0")/launch.sh" "$GPUS" train.py "$CONFIG" "$@"
