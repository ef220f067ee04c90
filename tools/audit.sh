#!/usr/bin/env bash
# Compare the installed packages with published advisories. Where none can be reached, say so and change nothing.
set -uo pipefail
if ! python -m pip_audit --version >/dev/null 2>&1; then
    echo 'audit skipped: pip-audit is not installed (pip install pip-audit)'
    exit 0
fi
output=$(timeout "${AUDIT_SECONDS:-60}" python -m pip_audit --progress-spinner off 2>&1)
status=$?
if [ "$status" = 124 ] || grep -qiE 'ConnectionError|Max retries|ServiceError|ProxyError|Name or service|resolution' <<<"$output"; then
    echo 'audit skipped: no source of advisories can be reached'
    exit 0
fi
echo "$output"
exit "$status"
