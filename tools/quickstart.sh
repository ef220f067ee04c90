#!/usr/bin/env bash
# From nothing to a trained SRGAN: environment, data, a network for PSNR, SRGAN, a table and a page. A second run skips what is done.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tools/setup_env.sh
exec python -m mmsr_ext quickstart "$@"
