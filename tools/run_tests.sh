#!/usr/bin/env bash
# Linter, formatter, type checker and tests, in the environment that quickstart.sh uses too. Arguments go to pytest.
# CI=true runs the slow tests as well, and prints how much of the package the tests ran.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tools/setup_env.sh
ruff check .
ruff format --check .
mypy
if [ "${CI:-}" = true ]; then
    bash tools/audit.sh || echo 'there are advisories, see above and SECURITY.md'
fi
if [ "${CI:-}" = true ]; then
    set -- --cov=mmsr_ext --cov-report=term:skip-covered "$@"
else
    set -- -m 'not slow' "$@"
fi
# a process for each core; tests that belong together mostly stay together
exec python -m pytest -n auto --maxprocesses 4 --dist worksteal "$@"
