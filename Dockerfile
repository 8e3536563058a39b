# Managed: the proxy with its admin API and dashboard in one image.
FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
# Node bundles the dashboard's scripts at build time; nothing of it is in the final image.
COPY --from=node:22-bookworm-slim /usr/local/bin/node /usr/local/bin/node
COPY --from=node:22-bookworm-slim /usr/local/lib/node_modules /usr/local/lib/node_modules
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx
WORKDIR /src
COPY . .
RUN dotnet publish admin-api -c Release -o /out

FROM mcr.microsoft.com/dotnet/aspnet:10.0
# For the health check below.
RUN apt-get update && apt-get install -y --no-install-recommends curl && rm -rf /var/lib/apt/lists/*
COPY --from=build /out /opt/managed
# The history, the token and the last good copy. Made here so that a new volume belongs to the user.
RUN install -d -m 0700 -o $APP_UID -g $APP_UID /data
WORKDIR /opt/managed
USER $APP_UID
VOLUME /data
# Inside a container the admin port is reached through the container's address; publish it to loopback only (see compose.yaml).
ENV PATH=/opt/managed:$PATH MANAGED_DATA_DIR=/data MANAGED_ADMIN=0.0.0.0:9901 MANAGED_INSECURE_ADMIN=1
EXPOSE 9901 10000
HEALTHCHECK --interval=5s --timeout=2s --start-period=10s CMD curl -fsS http://127.0.0.1:9901/ready
ENTRYPOINT ["/opt/managed/managed"]
CMD ["run"]
