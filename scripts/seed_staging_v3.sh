#!/usr/bin/env bash
# From a fresh checkout to a run that healed itself and waits at a gate. Idempotent.
set -euo pipefail
cd "$(dirname "$0")/.."
started=$SECONDS
setup=$(./scripts/setup)
DATA_DIR=$(sed -n 's/^DATA_DIR=//p' <<<"$setup")
sandbox=$(sed -n 's/^SANDBOX=//p' <<<"$setup")
export METABUILDER_DATA_DIR=$DATA_DIR
export METABUILDER_SANDBOX=${METABUILDER_SANDBOX:-$sandbox} PYTHONUNBUFFERED=1
python=.venv/bin/python
summary=$(mktemp)
trap 'rm -f "$summary"' EXIT
$python manage.py migrate --verbosity 0
[ ! -f "$DATA_DIR/db.sqlite3" ] || chmod 600 "$DATA_DIR/db.sqlite3"
$python manage.py createcachetable --verbosity 0
[ -d "$DATA_DIR/demo/ledger/.git" ] || ./scripts/demo/make_repository.sh "$DATA_DIR/demo/ledger"
$python manage.py seed_staging "$DATA_DIR/demo/ledger" | tee "$summary"
gate=$(sed -n 's/^GATE_ID=//p' "$summary")
cat >&2 <<TEXT

Done in $((SECONDS - started)) s. Next:
  .venv/bin/python manage.py decide ${gate:-GATE_ID} approve
  ./scripts/serve.sh    (to look at it in the browser and decide there)
TEXT
