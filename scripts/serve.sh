#!/usr/bin/env bash
# Web server and worker cluster together, until Ctrl-C. BIND sets the address (default 127.0.0.1:8000).
set -euo pipefail
cd "$(dirname "$0")/.."
setup=$(./scripts/setup)
METABUILDER_DATA_DIR=$(sed -n 's/^DATA_DIR=//p' <<<"$setup")
export METABUILDER_DATA_DIR
export BIND=${BIND:-127.0.0.1:8000} BASE_URL=${BASE_URL:-http://${BIND:-127.0.0.1:8000}}
export PATH=$PWD/.venv/bin:$PATH PYTHONUNBUFFERED=1
python manage.py migrate --verbosity 0
python manage.py createcachetable
echo "Meta-Builder on $BASE_URL (Ctrl-C stops it)" >&2
exec honcho --procfile scripts/Procfile start
