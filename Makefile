# make demo and make test do their own set-up: they need Go and make, and fetch the
# rest. What they fetch stays under .cache/.
SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO_NEEDED := 1.26
ROOT      := $(CURDIR)
# The real files that some tests read: found beside the checkout, or named.
SHARED    := $(wildcard $(ROOT)/../shared)
export GUICHET_SHARED ?= $(SHARED)
export GUICHET_PYTHON ?= $(wildcard $(ROOT)/.cache/venv/bin/python)

.PHONY: help build demo test screenshots race cover lint bench bench-data setup system go-version clean

help:
	@echo "make demo    run the main job on this machine (ARGS=\"--once\" ends after the story)"
	@echo "make test    run all tests"
	@echo "make lint    vet, staticcheck, gofmt, import direction"
	@echo "make race    tests under the race detector"
	@echo "make cover   how much of the code the tests run, their processes included"
	@echo "make screenshots  a picture of every page (SCREENSHOTS=folder)"
	@echo "make bench-data  the datasets that search is measured on (BENCH_DATASETS=2000000)"
	@echo "make bench   every figure beside its reference (BENCH=regexp picks)"
	@echo "make build   bin/guichet and bin/guichet-local"

go-version:
	@command -v go >/dev/null || { echo "Guichet is built with Go $(GO_NEEDED) or newer, and there is no go on this machine: install it from your system's packages or from the Go project's site"; exit 1; }
	@have=$$(go env GOVERSION | sed 's/^go//'); \
	 printf '%s\n%s\n' $(GO_NEEDED) "$$have" | sort -VC || { echo "Guichet needs Go $(GO_NEEDED) or newer; this is $$have. Install a newer Go and run make again"; exit 1; }

build: go-version
	@if [ ! -d "$$(go env GOCACHE)/00" ]; then echo "the first build takes about five minutes and 2 GB of disk for Go's module and build caches"; fi
	@mkdir -p bin
	@echo "building bin/guichet"
	@go build -o bin/guichet ./cmd/guichet
	@echo "building bin/guichet-local (the demo's S3 server and issuers)"
	@cd deploy/local && go build -o ../../bin/guichet-local .

demo: build
	@bin/guichet demo $(ARGS)

# What tests need beyond Go. System packages are installed only where that is wanted:
# as root with CI=true or SETUP=1. Otherwise tests skip, and say why at the end.
system:
	@if [ "$${CI:-}$${SETUP:-}" != "" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	   missing=""; \
	   command -v curl >/dev/null || missing="$$missing curl"; \
	   command -v rclone >/dev/null || missing="$$missing rclone"; \
	   command -v gcc >/dev/null || missing="$$missing gcc libc6-dev"; \
	   command -v readelf >/dev/null || missing="$$missing binutils"; \
	   ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$$missing postgresql"; \
	   python3 -c 'import venv, ensurepip' >/dev/null 2>&1 || missing="$$missing python3-venv"; \
	   command -v java >/dev/null && command -v mvn >/dev/null || missing="$$missing default-jre-headless maven"; \
	   command -v chromium >/dev/null || missing="$$missing chromium"; \
	   command -v npm >/dev/null || missing="$$missing npm"; \
	   command -v slurmctld >/dev/null && command -v slurmd >/dev/null && command -v srun >/dev/null && command -v munged >/dev/null \
	   || missing="$$missing slurmctld slurmd slurm-client munge"; \
	   if [ -n "$$missing" ]; then echo "installing$$missing"; apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y $$missing >/dev/null; fi; \
	 fi

setup: go-version system
	@mkdir -p .cache
	@if [ ! -x .cache/venv/bin/python ] && python3 -c 'import venv, ensurepip' >/dev/null 2>&1; then \
	   python3 -m venv .cache/venv || rm -rf .cache/venv; \
	 fi
	@if [ -x .cache/venv/bin/python ] && ! .cache/venv/bin/python -c 'import pyarrow, polars, duckdb, pandas, datasets, aiohttp, cryptography' >/dev/null 2>&1; then \
	   echo "installing pyarrow, polars, duckdb, pandas and datasets into .cache/venv"; \
	   .cache/venv/bin/python -m pip install -q --disable-pip-version-check pyarrow==26.0.1 polars==2.1.0 duckdb==2.0.1 pandas==3.1.1 datasets==5.2.0 aiohttp cryptography || { rm -rf .cache/venv; echo "they cannot be installed here"; }; \
	 fi

	@if [ -x .cache/venv/bin/python ] && { [ ! -e .cache/kit/made ] || [ -n "$$(find connectors/python -type f -newer .cache/kit/made)" ]; }; then \
	   echo "building the Python kit and installing it into .cache/kit"; \
	   rm -rf .cache/kit .cache/kit.source && cp -r connectors/python .cache/kit.source \
	   && .cache/venv/bin/python -m pip wheel -q --disable-pip-version-check --no-deps -w .cache/kit.source/dist .cache/kit.source \
	   && python3 -m venv .cache/kit && .cache/kit/bin/python -m pip install -q --disable-pip-version-check .cache/kit.source/dist/*.whl \
	   && touch .cache/kit/made || { rm -rf .cache/kit; echo "it cannot be installed here"; }; \
	 fi
	@if [ -x .cache/venv/bin/python ] && { [ ! -e .cache/torch/made ] || [ connectors/python/tests/torch.sh -nt .cache/torch/made ]; }; then \
	   echo "installing torch into .cache/torch (550 MB are fetched)"; \
	   bash connectors/python/tests/torch.sh .cache/torch >.cache/torch.log 2>&1 && touch .cache/torch/made \
	   || { tail -5 .cache/torch.log; rm -rf .cache/torch; echo "it cannot be installed here"; }; \
	 fi

	@if [ -x .cache/venv/bin/python ] && [ ! -e .cache/catalogue/made ]; then \
	   echo "installing rdflib and mlcroissant into .cache/catalogue"; \
	   rm -rf .cache/catalogue && python3 -m venv .cache/catalogue \
	   && .cache/catalogue/bin/python -m pip install -q --disable-pip-version-check mlcroissant==1.1.1 rdflib==7.6.0 \
	   && touch .cache/catalogue/made || { rm -rf .cache/catalogue; echo "they cannot be installed here"; }; \
	 fi
	@if [ -x .cache/venv/bin/python ] && { [ ! -e .cache/ckan/made ] || [ connectors/ckan/testdata/setup.sh -nt .cache/ckan/made ]; }; then \
	   echo "installing CKAN and its DCAT extension into .cache/ckan"; \
	   bash connectors/ckan/testdata/setup.sh .cache/ckan >.cache/ckan.log 2>&1 && touch .cache/ckan/made \
	   || { tail -5 .cache/ckan.log; rm -rf .cache/ckan; echo "it cannot be installed here"; }; \
	 fi
	@if command -v mvn >/dev/null && command -v java >/dev/null && [ ! -e .cache/edc/complete ]; then \
	   echo "fetching Eclipse EDC into .cache/edc (36 MB)"; \
	   rm -rf .cache/edc && mkdir -p .cache/edc \
	   && mvn -B -q -f connectors/dsp/testdata/edc.pom.xml dependency:copy-dependencies -DincludeScope=runtime \
	     -DoutputDirectory=$(ROOT)/.cache/edc/lib >.cache/edc.log 2>&1 \
	   && touch .cache/edc/complete || { tail -5 .cache/edc.log; rm -rf .cache/edc; echo "it cannot be fetched here"; }; \
	 fi
	@if [ -x .cache/venv/bin/python ] && [ ! -e .cache/s3/made ]; then \
	   echo "installing S3 clients into .cache/s3"; \
	   rm -rf .cache/s3 && python3 -m venv .cache/s3 && .cache/s3/bin/python -m pip install -q --disable-pip-version-check \
	     boto3==1.43.117 s3fs==2026.9.0 awscli==1.46.3 pyarrow==26.0.1 polars==2.1.0 duckdb==1.4.4 duckdb-ext-httpfs==1.4.4.20260205 \
	   && touch .cache/s3/made || { rm -rf .cache/s3; echo "they cannot be installed here"; }; \
	 fi
	@if [ -x .cache/venv/bin/python ] && { [ ! -e .cache/ray/made ] || [ connectors/python/tests/ray.sh -nt .cache/ray/made ]; }; then \
	   echo "installing Ray into .cache/ray"; \
	   bash connectors/python/tests/ray.sh .cache/ray >.cache/ray.log 2>&1 && touch .cache/ray/made \
	   || { tail -5 .cache/ray.log; rm -rf .cache/ray; echo "it cannot be installed here"; }; \
	 fi

	@if command -v npm >/dev/null && [ ! -e .cache/axe/made ]; then \
	   echo "fetching axe-core into .cache/axe"; \
	   rm -rf .cache/axe && mkdir -p .cache/axe && cd .cache/axe \
	   && npm pack --silent axe-core@4.14.1 >pack.log 2>&1 && tar xzf axe-core-4.14.1.tgz package/axe.min.js && touch made \
	   || { tail -5 pack.log; rm -rf ../axe; echo "it cannot be fetched here"; }; \
	 fi

# Fetching and compiling are done side by side; three packages are tested at once, since many tests wait for processes.
test: go-version system
	@$(MAKE) --no-print-directory -j2 setup build
	@echo "testing; a cold run compiles for some minutes first"
	@export GUICHET_PYTHON="$${GUICHET_PYTHON:-$$(ls $(ROOT)/.cache/venv/bin/python 2>/dev/null || true)}"; \
	 failed=0; \
	 { go test -v -p 3 -timeout 40m ./... 2>&1; echo "exit $$?"; } | tee .cache/test.log | grep -E '^(ok|FAIL|panic:|\s*--- FAIL|exit )' || true; \
	 { cd deploy/local && go test -v -timeout 10m ./... 2>&1; echo "exit $$?"; } | tee $(ROOT)/.cache/test-local.log | grep -E '^(ok|FAIL|panic:|\s*--- FAIL|exit )' || true; \
	 cd $(ROOT); \
	 grep -hqE '^exit [1-9]' .cache/test.log .cache/test-local.log && failed=1; \
	 awk '/_test\.go:[0-9]+: /{last=$$0} /--- SKIP: /{sub(/^ */,"",last); print "not tested here: " $$3 " (" last ")"; n++} END{exit n>0}' .cache/test.log .cache/test-local.log > .cache/skipped || { cat .cache/skipped; if [ "$${CI:-}" != "" ]; then echo "in CI nothing may be skipped"; failed=1; fi; }; \
	 if [ $$failed != 0 ]; then echo "tests failed; the whole output is in .cache/test.log"; awk '/^=== /{name=$$3; on=0} /^ *---/{on=0} /^ +[a-z0-9_]+\.go:[0-9]+: /{on=1} on{said[name]=said[name] $$0 "\n"; if(length(said[name])>20000) said[name]=substr(said[name],10000)} /^ *--- FAIL: /{printf "%s\n%s", $$0, said[$$3]} /^panic: |DATA RACE/{n=40} n-->0' .cache/test.log .cache/test-local.log | cut -c1-400 | head -300; exit 1; fi; \
	 echo "$$(grep -hcE '^\s*--- PASS' .cache/test.log) passed, 0 failed"

# Packages with goroutines of their own.
RACE := ./connectors/db/... ./connectors/mount ./connectors/staged ./policy/agreement/... ./policy/audit ./policy/call ./policy/join ./policy/notice ./policy/report ./policy/turn \
	./catalog ./catalog/demand ./catalog/duplicates ./catalog/harvest ./catalog/index ./catalog/index/labels ./catalog/index/segment ./catalog/index/words \
	./catalog/publish ./gateway ./gateway/api ./gateway/api/demand ./gateway/auth ./gateway/door ./gateway/flight ./gateway/s3face ./gateway/reports ./gateway/stream/... ./gateway/web/signin ./gateway/web/page
race: setup
	@echo "testing under the race detector"
	@export GUICHET_PYTHON="$${GUICHET_PYTHON:-$$(ls $(ROOT)/.cache/venv/bin/python 2>/dev/null || true)}"; go test -race -short -timeout 20m $(RACE)

# Tests start gateways as processes of their own: their counters are summed up too.
COVER := $(ROOT)/.cache/cover
cover: setup build
	@echo "testing with coverage; this compiles everything once more"
	@rm -rf $(COVER) && mkdir -p $(COVER)
	@export GUICHET_PYTHON="$${GUICHET_PYTHON:-$$(ls $(ROOT)/.cache/venv/bin/python 2>/dev/null || true)}"; \
	 GOFLAGS="-cover -covermode=atomic -coverpkg=guichet/..." GUICHET_COVER=$(COVER) go test -timeout 30m ./... -args -test.gocoverdir=$(COVER)
	@go tool covdata percent -i=$(COVER) | sed 's/^\s*//' | sort
	@go tool covdata textfmt -i=$(COVER) -o $(COVER)/all.txt && grep -v '^guichet/deploy/' $(COVER)/all.txt > $(COVER)/profile.txt && go tool cover -func=$(COVER)/profile.txt | tail -1

lint: go-version
	@echo "vet, staticcheck, gofmt, import direction"
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt wants to change:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	@go vet ./...
	@go tool staticcheck ./...
	@cd deploy/local && go vet ./...
	@go test -count=1 -run 'Layers|Imports|Packages|TopLevel|Sizes|Dependencies' ./cmd/guichet

# Every page of the demo's site in both themes, on a phone and in French, into SCREENSHOTS.
SCREENSHOTS ?= $(ROOT)/.cache/screenshots
screenshots: setup build
	@GUICHET_SCREENSHOTS="$(SCREENSHOTS)" go test -count=1 -run 'TestSite$$' ./gateway/webtest && echo "the pictures are in $(SCREENSHOTS)"

# The datasets that search is measured on, made of the Belgian catalogue's: once, from where
# it was left. make bench with the same BENCH_DATASETS searches them, else 10,000.
bench-data: setup
	@export GUICHET_SHARED="$${GUICHET_SHARED:-$(ROOT)/../shared}" BENCH_DATASETS="$${BENCH_DATASETS:-2000000}"; \
	 nice -n 19 go test -run '^$$' -bench Data$$ -benchtime 1x -timeout 0 ./catalog/index

# BENCH picks figures by their names, which the table shows.
BENCH ?= .
bench: build setup
	@export GUICHET_PYTHON="$${GUICHET_PYTHON:-$$(ls $(ROOT)/.cache/venv/bin/python 2>/dev/null || true)}"; \
	 BENCH='$(BENCH)' BENCH_JSON='$(abspath $(BENCH_JSON))' go test -run '^$$' -bench Figures -benchtime 1x -timeout 60m ./cmd/guichet | grep -vE '^(ok|PASS|goos|goarch|cpu|pkg|BenchmarkFigures)'

clean:
	rm -rf bin .cache
