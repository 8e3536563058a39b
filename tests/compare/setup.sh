#!/usr/bin/env bash
# Installs the peers and load generators that compare.py uses (Debian).
set -e
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nginx-core libnginx-mod-stream libnginx-mod-http-lua haproxy wrk nghttp2-client apache2-utils >/dev/null
systemctl stop nginx haproxy 2>/dev/null || true
