#!/usr/bin/env bash
# Every test, with progress; the first failing stage ends the run. Called by `make test` after the set-up.
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '\033[1m==> [%s] %s\033[0m\n' "$(date +%H:%M:%S)" "$*"; }

step "formatting"
cargo fmt --all --check
step "user interface"
(cd web/ui && npm test --silent)
step "demo clip and its generator"
(cd tools/clip && ../../.cache/venv/bin/python -m pytest -q tests)
step "release binary"
cargo build --release --locked -p platecam
step "warnings"
cargo clippy --workspace --all-targets --locked -- -D warnings
step "unit, property and golden tests"
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --workspace --locked --exclude conformance
else
    cargo test --workspace --locked --exclude conformance
fi
step "end to end: the release binary, its players, clients and a browser"
export PLATECAM_BIN="$PWD/target/release/platecam"
if cargo nextest --version >/dev/null 2>&1; then
    # Which of them share the machine: .config/nextest.toml.
    cargo nextest run --locked -p conformance
else
    cargo test --locked -p conformance -- --test-threads=1 --nocapture
fi
step "done"
