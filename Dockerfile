# The agent in a container for backup hosts: as a user of its own, with a root file system that may be read-only (config/compose.yaml). Both bases can be replaced, for machines that reach no registry of images (scripts/build-image --base-from-host).
ARG BUILD_BASE=docker.io/library/node:20-bookworm-slim
ARG FINAL_BASE=docker.io/library/debian:bookworm-slim

FROM ${BUILD_BASE} AS build
WORKDIR /src
COPY . .
# The tools that only checks and tests take are left out.
RUN npm_config_omit=dev scripts/build --force

FROM ${FINAL_BASE}
RUN if ! command -v ssh >/dev/null; then \
      apt-get update -qq && apt-get install -y -qq --no-install-recommends openssh-client && rm -rf /var/lib/apt/lists/*; \
    fi && \
    groupadd --gid 7440 xtelemdb && useradd --uid 7440 --gid 7440 --home-dir /state --shell /usr/sbin/nologin xtelemdb && \
    mkdir -p /config /state /data /run/xtelemdb && chown xtelemdb:xtelemdb /state /run/xtelemdb
COPY --from=build /src/dist/xtelemdb /usr/local/bin/xtelemdb
# Empty is unset for Bun: nothing in the environment may turn the program into another one.
ENV XTELEMDB_CONFIG=/config/xtelemdb.toml STATE_DIRECTORY=/state BUN_OPTIONS= BUN_BE_BUN=
USER 7440:7440
VOLUME ["/config", "/state", "/data"]
# The first SIGTERM makes it stop within 5 s, with exit code 0; 2 and 4 (configuration, inventory) are not healed by starting it again.
STOPSIGNAL SIGTERM
# No HEALTHCHECK: only the agent's endpoint can say whether the agent is alive, and only the configuration declares one. Where it does, the check is
# "xtelemdb healthz" (config/compose.yaml). "xtelemdb status" would not do: it reads the inventory, and answers as well when the agent is dead.
ENTRYPOINT ["/usr/local/bin/xtelemdb"]
CMD ["sync", "continuous=true"]
