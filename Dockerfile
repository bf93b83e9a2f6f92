# The agent in a container for backup hosts. Both bases can be replaced, for machines that reach no registry of images (scripts/build-image --base-from-host).
ARG BUILD_BASE=docker.io/library/node:20-bookworm-slim
ARG FINAL_BASE=docker.io/library/debian:bookworm-slim

FROM ${BUILD_BASE} AS build
WORKDIR /src
COPY . .
RUN scripts/build --force

FROM ${FINAL_BASE}
RUN if ! command -v ssh >/dev/null; then \
      apt-get update -qq && apt-get install -y -qq --no-install-recommends openssh-client && rm -rf /var/lib/apt/lists/*; \
    fi && \
    groupadd --gid 7440 xtelemdb && useradd --uid 7440 --gid 7440 --home-dir /state --shell /usr/sbin/nologin xtelemdb && \
    mkdir -p /config /state /data && chown xtelemdb:xtelemdb /state
COPY --from=build /src/dist/xtelemdb /usr/local/bin/xtelemdb
# Empty is unset for Bun: nothing in the environment may turn the program into another one.
ENV XTELEMDB_CONFIG=/config/xtelemdb.toml STATE_DIRECTORY=/state BUN_OPTIONS= BUN_BE_BUN=
USER 7440:7440
VOLUME ["/config", "/state", "/data"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/xtelemdb"]
CMD ["sync", "continuous=true"]
