#!/usr/bin/env bash
# From nothing to a trained SRGAN: environment, data, SRResNet, SRGAN, a table and a picture. A second run skips what is done.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tools/setup_env.sh

if [ ! -f data/demo/.complete ]; then
    rm -rf data/demo
    python tools/prepare_demo_data.py
    touch data/demo/.complete
fi

# $1: config, $2: its last checkpoint
train() {
    # MMEngine names a checkpoint in last_checkpoint once it is written whole
    if [ "$(basename "$(cat "work_dirs/$1/last_checkpoint" 2>/dev/null)")" = "$2" ]; then
        echo "$1 is trained already (work_dirs/$1/$2)."
        return
    fi
    echo "Training $1; the whole log is in work_dirs/$1.log"
    python tools/train.py "configs/$1.py" --resume 2>&1 | tee "work_dirs/$1.log" | grep --line-buffered -oE 'Iter\((train|val)\).*|error: .*' ||
        { echo "Training stopped; the end of work_dirs/$1.log:" >&2; tail -n 15 "work_dirs/$1.log" >&2; exit 1; }
}

train srresnet_x4_demo iter_600.pth
train srgan_x4_demo iter_300.pth

ln -sf iter_600.pth work_dirs/srresnet_x4_demo/SRResNet.pth
ln -sf iter_300.pth work_dirs/srgan_x4_demo/SRGAN.pth
python tools/test.py configs/srgan_x4_demo.py work_dirs/srresnet_x4_demo/SRResNet.pth work_dirs/srgan_x4_demo/SRGAN.pth \
    --out work_dirs/quickstart.html

cat <<'NEXT'

What next:
  source .venv/bin/activate
  python tools/make_pairs.py FOLDER data/mine     # your own photographs; README.md, "Train on your own images"
  python tools/train.py configs/srgan_x4.py       # the paper's recipe on DIV2K; docs/data.md, "DIV2K"
NEXT
