#!/usr/bin/env bash
# Linter and tests, in the environment that quickstart.sh uses too. Arguments go to pytest; CI=true runs the slow tests as well.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tools/setup_env.sh
ruff check .
[ "${CI:-}" = true ] || set -- -m 'not slow' "$@"
# a process for each core; tests that belong together mostly stay together
exec python -m pytest -n auto --maxprocesses 4 --dist worksteal "$@"
