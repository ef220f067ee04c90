#!/usr/bin/env bash
# Linter and tests, in the environment that quickstart.sh uses too. Arguments go to pytest; CI=true runs the slow tests as well.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tools/setup_env.sh
ruff check .
if [ "${CI:-}" = true ]; then
    exec python -m pytest "$@"
fi
exec python -m pytest -m 'not slow' "$@"
