#!/usr/bin/env bash
# Web server and worker cluster together, until Ctrl-C. BIND sets the address (default 127.0.0.1:8000).
set -euo pipefail
cd "$(dirname "$0")/.."
setup=$(./scripts/setup)
sandbox=$(sed -n 's/^SANDBOX=//p' <<<"$setup")
METABUILDER_DATA_DIR=$(sed -n 's/^DATA_DIR=//p' <<<"$setup")
export METABUILDER_DATA_DIR
if [ "$sandbox" = none ] && [ "${METABUILDER_SANDBOX:-bubblewrap}" = bubblewrap ]; then
  echo "serve: runs will be refused: there is no sandbox here (see above)." >&2
fi
export BIND=${BIND:-127.0.0.1:8000}
if [ -z "${BASE_URL:-}" ] && ! grep -qsE '^(export )?BASE_URL=.' .env; then export BASE_URL=http://$BIND; fi
export PATH=$PWD/.venv/bin:$PATH PYTHONUNBUFFERED=1
mkdir -p "$METABUILDER_DATA_DIR/static"
python manage.py migrate --verbosity 0
[ ! -f "$METABUILDER_DATA_DIR/db.sqlite3" ] || chmod 600 "$METABUILDER_DATA_DIR/db.sqlite3"
python manage.py createcachetable --verbosity 0
echo "Meta-Builder on http://$BIND (Ctrl-C stops it)" >&2
exec honcho --procfile scripts/Procfile start
