#!/usr/bin/env bash
# Start a tool in PROCESSES processes with torchrun: launch.sh PROCESSES TOOL [arguments]. Called by dist_train.sh, dist_test.sh and dist_upscale.sh.
set -euo pipefail
PROCESSES=$1 TOOL=$2
shift 2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ -x "$here/../.venv/bin/torchrun" ] && PATH="$here/../.venv/bin:$PATH"
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
# torchrun hands these on to the processes, which then save a checkpoint
export TORCHELASTIC_SIGNALS_TO_HANDLE=SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1
# seconds until it kills those that still run then; torch before 2.12 knows no such setting, and waits 30
export TORCH_ELASTIC_SHUTDOWN_TIMEOUT=${SHUTDOWN_TIMEOUT:-300}
if [ -z "${PORT:-}" ] && [ "${NNODES:-1}" = 1 ]; then
    PORT=$(python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
fi
exec python -m torch.distributed.run \
    --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}" \
    --nproc_per_node="$PROCESSES" "$here/$TOOL" "$@" --launcher pytorch
