#!/usr/bin/env bash
# scripts/fuzz.sh TARGET SECONDS: libFuzzer with coverage over one target; new inputs go to .cache/fuzz/TARGET.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$1 seconds=$2
[ -d "fuzz/corpus/$target" ] || { echo "fuzz: no target '$target'; there are: $(ls fuzz/corpus | xargs)" >&2; exit 2; }
rustup toolchain list | grep -q nightly || rustup toolchain install nightly --profile minimal
cargo fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz
mkdir -p ".cache/fuzz/$target"
export PLATECAM_FUZZ_TARGET=$target CARGO_TARGET_DIR="$PWD/.cache/fuzz-target"
cargo +nightly fuzz run --fuzz-dir fuzz/libfuzzer any ".cache/fuzz/$target" "fuzz/corpus/$target" -- \
    -max_total_time="$seconds" -max_len=65536 -timeout=30 -rss_limit_mb=2048
