# The core, the importers and their tests on another kind of processor: Arm's of 64 bits, whose vectors are NEON.
# They are compiled for it here and run by QEMU, an emulator: `make arm64`. Needs an engine, and the network of the
# builder.
ARG DEBIAN=debian:bookworm-slim
FROM ${DEBIAN}
RUN --mount=type=cache,id=apt-arm64,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=apt-lists-arm64,target=/var/lib/apt/lists,sharing=locked \
    rm -f /etc/apt/apt.conf.d/docker-clean \
 && echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/unsafe-io \
 && dpkg --add-architecture arm64 && apt-get update \
 && apt-get install -y --no-install-recommends ccache cmake g++-aarch64-linux-gnu libgtest-dev:arm64 \
      libhwy-dev:arm64 ninja-build nlohmann-json3-dev python3-numpy qemu-user-static
WORKDIR /src
COPY . .
RUN --mount=type=cache,id=ccache-arm64,target=/var/cache/ccache \
    export CCACHE_DIR=/var/cache/ccache CCACHE_SLOPPINESS=pch_defines,time_macros \
 && .ci/test arm64
