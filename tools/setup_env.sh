#!/usr/bin/env bash
# Makes the environment in .venv, or leaves it alone when it is already right. Sourced by quickstart.sh and run_tests.sh.
# PYTHON chooses the interpreter (3.10 to 3.13; default: python3 if it fits, else the newest that is found).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.10}; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "error: no Python 3.10 to 3.13 with venv was found (looked for ${PYTHON:-python3, python3.10 to python3.13})." \
        "Install one (Debian, Ubuntu: apt-get install python3 python3-venv), or name it: PYTHON=/path/to/python bash $0" >&2
    return 1
}

wanted=$(cat setup.py requirements/constraints.txt | sha256sum | cut -d' ' -f1)
if [ "$(cat .venv/.complete 2>/dev/null)" != "$wanted $PWD" ]; then
    python=$(find_python)
    echo "Setting up .venv with $("$python" --version); about 7 GB, a few minutes ..."
    rm -rf .venv
    "$python" -m venv .venv
    .venv/bin/python -m pip install -q --disable-pip-version-check -c requirements/constraints.txt 'setuptools<81' wheel
    .venv/bin/python -m pip install -q --disable-pip-version-check -c requirements/constraints.txt --no-build-isolation \
        -e '.[lite,tests,docs,demo]' || {
        echo "error: pip could not install the packages (see above). Check the network and the free disk space (df -h .), then run this again." >&2
        exit 1
    }
    echo "$wanted $PWD" > .venv/.complete
fi
export PATH="$PWD/.venv/bin:$PATH"
