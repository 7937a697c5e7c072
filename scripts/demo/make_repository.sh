#!/usr/bin/env bash
# Make the demo project with a git history of its own: scripts/demo/make_repository.sh TARGET
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
target=$1
half_made=$target.half-made
rm -rf "$target" "$half_made"
mkdir -p "$half_made"
cd "$half_made"
git init --quiet --initial-branch=main
git config user.name "Dana Ledger"
git config user.email dana@ledger.example
git config commit.gpgsign false

commit() { # commit DATE MESSAGE PATH...
  local date=$1 message=$2
  shift 2
  for path in "$@"; do
    mkdir -p "$(dirname "$path")"
    cp "$here/project/$path" "$path"
  done
  git add --all
  GIT_AUTHOR_DATE=$date GIT_COMMITTER_DATE=$date git commit --quiet --message "$message"
}

commit 2026-10-05T09:00:00+0000 "Read exports and convert amounts" \
  .gitignore README.md pyproject.toml src/ledger/importer.py src/ledger/money.py tests/test_importer.py
commit 2026-10-19T15:30:00+0000 "Add statements, with rounding of their own" \
  src/ledger/__init__.py src/ledger/rounding.py src/ledger/statement.py tests/test_statement.py
commit 2026-11-02T11:15:00+0000 "Number receipts, fetch rates, build with Meta-Builder" \
  src/ledger/receipts.py tests/test_receipts.py tools/fetch_rates.py metabuilder.toml

cd /
mv "$half_made" "$target"
