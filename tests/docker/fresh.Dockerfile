# A machine on which nothing is installed but what `make build` installs: CMake finds there all that it looks for.
ARG DEBIAN=debian:bookworm-slim
FROM ${DEBIAN}
COPY .ci/packages-build.txt /
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    rm -f /etc/apt/apt.conf.d/docker-clean \
 && echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/unsafe-io \
 && apt-get update \
 && sed 's/#.*//' /packages-build.txt | DEBIAN_FRONTEND=noninteractive xargs apt-get install -y --no-install-recommends
WORKDIR /src
COPY . .
RUN cmake --preset release && cmake --preset wasm
