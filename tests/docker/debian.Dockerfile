# The service, the wasm modules and their tests on another Debian than the one they are developed on, with its
# compilers and libraries: `make debian13`. Needs an engine, and the network of the builder.
ARG DEBIAN=debian:trixie-slim
FROM ${DEBIAN}
COPY .ci/packages-build.txt .ci/packages-test.txt /lists/
# Without what only the linters, the sanitizers and the notebook need.
RUN --mount=type=cache,id=apt-tests,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=apt-lists-tests,target=/var/lib/apt/lists,sharing=locked \
    rm -f /etc/apt/apt.conf.d/docker-clean \
 && echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/unsafe-io \
 && apt-get update \
 && sed 's/#.*//' /lists/*.txt \
      | grep -vE '^(clang.*|libclang-.*|lld-.*|python3-(ipykernel|matplotlib|nb.*)|shellcheck|valgrind)$' \
      | DEBIAN_FRONTEND=noninteractive xargs apt-get install -y --no-install-recommends nodejs npm python3
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
COPY wasm/package.json wasm/
COPY web/package.json web/
RUN --mount=type=secret,id=ca-bundle \
    --mount=type=cache,target=/var/cache/npm \
    if [ -s /run/secrets/ca-bundle ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/ca-bundle; fi; \
    npm ci --ignore-scripts --cache /var/cache/npm && cp package-lock.json node_modules/.copse-installed
COPY . .
ENV NODE_PATH=/usr/share/nodejs
RUN --mount=type=cache,id=ccache-tests,target=/var/cache/ccache \
    export CCACHE_DIR=/var/cache/ccache \
 && dpkg-query -W -f '${Package} ${Version}\n' g++ emscripten libcpp-httplib-dev libboost-dev libhiredis-dev libhwy-dev libsqlite3-dev \
 && make --no-print-directory native wasm web && .ci/test release core_in_node wasm
