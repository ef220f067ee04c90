#!/usr/bin/env bash
# Measure a checkpoint in several processes: tools/dist_test.sh CONFIG CHECKPOINT GPUS [arguments of test.py]
# Without a GPU the processes run on the CPU. Several machines: set NNODES, NODE_RANK, MASTER_ADDR and PORT.
set -euo pipefail
[ $# -ge 3 ] || { echo "usage: $0 CONFIG CHECKPOINT GPUS [arguments of test.py]" >&2; exit 2; }
CONFIG=$1 CHECKPOINT=$2 GPUS=$3
shift 3
exec bash "$(dirname "$0")/launch.sh" "$GPUS" test.py "$CONFIG" "$CHECKPOINT" "$@"
