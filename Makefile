# Thin: each target is a line one could type. `make help` lists them.
COMPOSE := $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)
NODES ?= 3
TIME ?= 600

.DEFAULT_GOAL := help
.PHONY: help run test matrix check fmt advisories bench churn presence-scale chaos fuzz cluster cluster-down

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 22

run: ## build and serve the chat on http://127.0.0.1:8080, one node, in memory
	script/setup run
	cargo run -p hubbub-gateway

test: ## run every test; installs what they need if it is missing
	script/setup test
	if cargo nextest --version >/dev/null 2>&1; then cargo nextest run --workspace; else cargo test --workspace; fi

matrix: ## every client in every vocabulary by every transport, as a table
	script/setup test
	cargo test -p hubbub-tests --test clients the_matrix_has_no_hole -- --nocapture

check: ## what CI runs: format, lints, docs, layering and licences, then every test
	script/setup check
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps
	cargo deny check bans licenses sources
	$(MAKE) --no-print-directory test

advisories: ## known vulnerabilities in the dependencies; apart, because it needs a network
	script/setup check
	cargo deny check advisories

fmt: ## format the code
	cargo fmt --all

bench: ## measure a release node and its rivals for an hour, and write the tables of docs/PERFORMANCE.md
	cargo build --release -p hubbub-gateway -p hubbub-load
	script/rivals
	script/bench

churn: ## 40 rounds of 2,000 clients that come and go on two nodes, half of them cut off: nothing may remain of them
	cargo build --release -p hubbub-gateway -p hubbub-load
	script/churn

presence-scale: ## what a million people on 100 nodes cost Redis, its memory and the time of each script; USERS=n
	cargo run --release -p hubbub-redis --example presence_scale -- $(if $(USERS),--users $(USERS))

chaos: ## break a release cluster by a plan for TIME=600 seconds, and judge what clients saw; SEED=n does it again
	script/setup test
	cargo build --release -p hubbub-gateway -p hubbub-chaos
	cargo run --release -p hubbub-chaos -- --time $(TIME) $(if $(SEED),--seed $(SEED))

fuzz: ## search for bytes that frames, markers and polls are misread in, TIME=60 seconds each; TARGET=name for one
	TARGET=$(TARGET) TIME=$(if $(filter command line environment,$(origin TIME)),$(TIME),60) script/fuzz

cluster: export HUBBUB_PORT ?= 8080
cluster: ## Redis, NODES=3 gateways and HAProxy in containers, on http://127.0.0.1:8080
	$(COMPOSE) up --build --detach --scale gateway=$(NODES)
	$(COMPOSE) ps
	@echo 'chat       http://127.0.0.1:$(HUBBUB_PORT)'
	@echo 'stop it    make cluster-down    (the rooms stay; add -v by hand to forget them)'

cluster-down: ## stop that cluster
	$(COMPOSE) down
