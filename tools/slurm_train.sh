#!/usr/bin/env bash
# Train on a Slurm cluster: GPUS=8 GPUS_PER_NODE=8 tools/slurm_train.sh PARTITION JOB_NAME CONFIG [arguments of train.py]
# CPUS_PER_TASK (5) and SRUN_ARGS are passed to srun.
set -euo pipefail
[ $# -ge 3 ] || { echo "usage: [GPUS=8] [GPUS_PER_NODE=8] $0 PARTITION JOB_NAME CONFIG [arguments of train.py]" >&2; exit 2; }
MMSR_EXT_COMMAND=$(printf '%q ' env GPUS="${GPUS:-8}" bash "$0" "$@")
export MMSR_EXT_COMMAND
PARTITION=$1 JOB_NAME=$2 CONFIG=$3
shift 3
GPUS=${GPUS:-8}
GPUS_PER_NODE=${GPUS_PER_NODE:-$((GPUS < 8 ? GPUS : 8))}
# shellcheck disable=SC2086
exec srun -p "$PARTITION" --job-name="$JOB_NAME" --gres="gpu:$GPUS_PER_NODE" --ntasks="$GPUS" --ntasks-per-node="$GPUS_PER_NODE" \
    --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
    python -u "$(dirname "$0")/train.py" "$CONFIG" --launcher slurm "$@"
