#!/usr/bin/env bash
# All tests, set-up included. Arguments go to pytest. DATABASE_URL picks the database (default SQLite).
set -euo pipefail
cd "$(dirname "$0")/.."
setup=$(./scripts/setup --browser --promtool)
METABUILDER_DATA_DIR=$(sed -n 's/^DATA_DIR=//p' <<<"$setup")
sandbox=$(sed -n 's/^SANDBOX=//p' <<<"$setup")
export METABUILDER_DATA_DIR METABUILDER_SANDBOX=${METABUILDER_SANDBOX:-$sandbox}
exec .venv/bin/python -m pytest --numprocesses "${PYTEST_WORKERS:-2}" "$@"
