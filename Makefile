# What people type; each target is one command that can also be typed by hand.
.PHONY: demo test build bench lint ci clean setup setup-tests

CARGO ?= cargo

# Unoptimised: it compiles in half the time, and the demo waits for people and not for the processor.
demo: setup
	$(CARGO) run --locked -- demo

# Units, the integration binary with real servers, transcripts, tidiness and documentation.
test: setup-tests
	$(CARGO) test --locked

build: setup
	$(CARGO) build --locked --release

# Against the tools that are installed: see benches/workloads/main.rs for what BENCH takes, docs/benchmarks.md for figures.
bench: setup
	$(CARGO) bench --locked --bench workloads -- $(BENCH)

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings

ci:
	.ci/run

clean:
	$(CARGO) clean

setup:
	@.ci/setup

setup-tests:
	@.ci/setup tests
