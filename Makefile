# Two commands do everything: `make run` and `make test`. All of them work without a terminal.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.cache/node/bin:$(PATH)
export ORT_DYLIB_PATH ?= $(CURDIR)/.cache/onnxruntime/libonnxruntime.so

STATE ?= $(CURDIR)/var
ARGS ?=
TARGET ?= soap
SECONDS ?= 60
PYTHON := $(CURDIR)/.cache/venv/bin/python

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "make %-8s %s\n", $$1, $$2}'

setup: ## install what is missing (system packages, ONNX Runtime, Node.js, Python)
	@scripts/setup.sh test

setup-run:
	@scripts/setup.sh run

build: setup-run ## release binary target/release/platecam
	@echo "==> building (release)"
	cargo build --release --locked -p platecam

run: build ## start on the bundled clip, state under ./var
	@exec target/release/platecam run --state-dir "$(STATE)" --source demo $(ARGS)

deb: build ## Debian package target/deb/platecam_VERSION_ARCH.deb
	@scripts/deb.sh

test: setup ## every test: unit, property, golden, user interface, clip, end to end
	@scripts/test.sh

lint: setup ## formatting and warnings are errors
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

TRAINENV := $(CURDIR)/.cache/trainenv
$(TRAINENV)/done: lpr-core/training/requirements.txt
	python3 -m venv $(TRAINENV)
	$(TRAINENV)/bin/pip install -q -r $<
	touch $@

train: $(TRAINENV)/done ## smoke run of the trainers on rendered pictures (about a minute); real runs: lpr-core/training/README.md
	cd lpr-core/training && $(TRAINENV)/bin/python smoke.py

evaluate: $(TRAINENV)/done ## figures of the committed nets on held-back pictures: make evaluate DATA=FOLDER
	@[ -n "$(DATA)" ] || { echo "evaluate: DATA=FOLDER with the pictures, see lpr-core/training/README.md"; exit 2; }
	cargo build --locked -p lpr-onnx --example still
	cd lpr-core/training && $(TRAINENV)/bin/python eval.py --data "$(abspath $(DATA))" --engine "$(CURDIR)/target/debug/examples/still" --set web openlpr romania florida parked negatives us-crops br-crops

bench: setup-run ## benches of SOAP, RTP packetising, recognition and signed video
	cargo bench --locked -p onvif-contracts -p platecam-onvif -p platecam-model -p rtsp -p lpr-core -p lpr-onnx
	cargo build --release --locked -p platecam
	PLATECAM_BIN=$(CURDIR)/target/release/platecam cargo bench --locked -p conformance --bench soap_load

bench-rtsp: setup ## our RTSP server and gst-rtsp-server in one run: processor, memory, first packet
	@scripts/bench-rtsp.sh

fuzz: ## one fuzz target under libFuzzer (TARGET=soap SECONDS=60); see fuzz/README.md
	@scripts/fuzz.sh "$(TARGET)" "$(SECONDS)"

clip: setup ## make the bundled clip anew (assets/demo.mp4 and its truth)
	cd tools/clip && $(PYTHON) -m clip ../../assets

wsdl: setup ## generate wsdl/contracts anew from the contracts of the manifest
	cargo run --locked -p wsdl-gen -- generate --contracts .cache/wsdl --out wsdl/contracts/src/generated
	cargo fmt -p onvif-contracts

.PHONY: help setup setup-run build run deb test lint bench bench-rtsp fuzz clip wsdl
