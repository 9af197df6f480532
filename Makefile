# The front door. Every target is short and calls CMake presets, npm scripts or a script in .ci.
.DEFAULT_GOAL := help
.PHONY: help run test build deps format lint bench bench-web flask nginx site docker clean native wasm web

PORT ?= 5000
ROUNDS ?= 3
export NODE_PATH := /usr/share/nodejs

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

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

bench: build ## measure against other libraries (SHAPES="iris_rf xgb", ROUNDS=1)
	@.ci/deps bench
	/usr/bin/python3 tests/bench/run_bench.py --rounds $(ROUNDS) $(SHAPES)

bench-web: build ## measure the npm package against its peers (ROUNDS=5)
	@.ci/deps bench
	/usr/bin/python3 tests/bench/bench_web.py --rounds $(ROUNDS)

flask: build ## measure the service against the tutorial's
	@.ci/deps test
	/usr/bin/python3 tests/bench/compare_with_flask.py

nginx: build ## measure the service against nginx and the tutorial's
	@.ci/deps bench
	/usr/bin/python3 tests/bench/compare_with_nginx.py

site: build ## build/site: the page and MODEL (models/iris.safetensors) for any host of files
	node web/tools/build.mjs build/site --site $(or $(MODEL),models/iris.safetensors)

docker: ## build the image rf-api
	docker build -t rf-api -f docker/Dockerfile .

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
