# The front door. Every target is short and calls CMake presets, npm scripts or a script in .ci.
.DEFAULT_GOAL := help
.PHONY: help run test build deps format lint bench bench-engine bench-web bench-explain bench-page bench-image flask nginx site screenshots docker debian13 arm64 clean native wasm web

PORT ?= 5000
ROUNDS ?= 3
# The time of the image and of every file in it, in seconds since 1970.
SOURCE_DATE_EPOCH ?= 0
BENCH := /usr/bin/python3 tests/bench
# Behind a proxy that re-signs TLS, npm needs its certificates: COPSE_CA_BUNDLE=/path/to/ca-bundle.crt.
comma := ,
SECRET := $(if $(COPSE_CA_BUNDLE),--secret id=ca-bundle$(comma)src=$(COPSE_CA_BUNDLE))
export NODE_PATH := /usr/share/nodejs

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## build and serve http://localhost:5000 with the iris model
	build/bin/copse serve --model models/iris.safetensors --port $(PORT) --log build/predictions.db

test: ## install what is missing and run every test
	@.ci/deps test
	@.ci/test

build: ## build/bin/copse, the wasm package and the page
	@.ci/deps build
	@$(MAKE) --no-print-directory native wasm web

deps: ## install what building and testing need (apt, npm)
	@.ci/deps test

format: ## clang-format and eslint --fix
	@.ci/lint --fix

lint: ## clang-format, clang-tidy, ESLint, tsc, shellcheck
	@.ci/deps test
	@.ci/lint

bench: build ## measure everything against its peers, and write docs/benchmarks.md (ROUNDS=3)
	@.ci/deps bench
	$(BENCH)/run_bench.py --rounds $(ROUNDS) --no-report
	$(BENCH)/bench_web.py --rounds $(ROUNDS)
	$(BENCH)/bench_explain.py --rounds $(ROUNDS)
	node tests/bench/bench_lighthouse.mjs --rounds $(ROUNDS)
	node tests/bench/bench_frames.mjs
	$(BENCH)/compare_with_nginx.py --rounds $(ROUNDS)
	$(BENCH)/compare_with_flask.py --rounds $(ROUNDS)
	$(BENCH)/bench_image.py
	$(BENCH)/bench_report.py

bench-engine: build ## the engine alone (SHAPES="iris_rf xgb", ROUNDS=3)
	@.ci/deps bench
	$(BENCH)/run_bench.py --rounds $(ROUNDS) $(SHAPES)

bench-web: build ## the npm package alone (ROUNDS=3)
	@.ci/deps bench
	$(BENCH)/bench_web.py --rounds $(ROUNDS)

bench-explain: build ## contributions alone, beside XGBoost (ROUNDS=3)
	@.ci/deps bench
	$(BENCH)/bench_explain.py --rounds $(ROUNDS)

bench-page: build ## the page alone: Lighthouse, and frames while a slider is dragged (ROUNDS=3)
	@.ci/deps bench
	$(BENCH)/run_bench.py --install
	node tests/bench/bench_lighthouse.mjs --rounds $(ROUNDS)
	node tests/bench/bench_frames.mjs

bench-image: ## the image alone: size, times of building, reproducibility
	$(BENCH)/bench_image.py

flask: build ## the service against the tutorial's
	@.ci/deps bench
	$(BENCH)/compare_with_flask.py

nginx: build ## the service against nginx and the tutorial's
	@.ci/deps bench
	$(BENCH)/compare_with_nginx.py

site: build ## build/site: the page and MODEL (models/iris.safetensors) for any host of files
	node web/tools/build.mjs build/site --site $(or $(MODEL),models/iris.safetensors)

screenshots: build ## take the pictures of docs/images anew
	@.ci/deps test
	node tests/web/screenshots.mjs

docker: ## build the image rf-api (SOURCE_DATE_EPOCH=0: the same bytes for the same sources)
	docker build $(SECRET) -t rf-api --build-arg REVISION=$(or $(shell git rev-parse HEAD 2>/dev/null),unknown) \
	  --build-arg SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) -f docker/Dockerfile .

debian13: ## build everything on Debian 13, in a container, and run its tests
	docker build $(SECRET) --progress plain --output type=cacheonly -f tests/docker/debian.Dockerfile .

arm64: ## build the core for Arm's 64 bits, in a container, and run its tests under QEMU
	docker build --progress plain --output type=cacheonly -f tests/docker/arm64.Dockerfile .

clean: ## remove everything that was built
	rm -rf build wasm/dist

native:
	@cmake --preset release >/dev/null
	@cmake --build --preset release --target copse
	@mkdir -p build/bin && cp -u build/release/bin/copse build/bin/copse

wasm:
	@cmake --preset wasm >/dev/null
	@cmake --build --preset wasm --target copse_wasm
	@npm run --silent build:wasm-js

web:
	@npm run --silent build:web
