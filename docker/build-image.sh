#!/usr/bin/env bash
# Builds localhost/millrace:$TAG and localhost/millrace-worker:$TAG without a Docker engine (Debian: apt-get install buildah debootstrap).
# With an engine: docker build -f docker/Dockerfile --target millrace -t millrace:dev .
# Usage: docker/build-image.sh [WORK FOLDER] [TAG]
set -euo pipefail
work=${1:-${TMPDIR:-/tmp}/millrace-image}
tag=${2:-dev}
root=$(cd "$(dirname "$0")/.." && pwd)
B() { buildah --root "$work/store" --runroot "$work/run" "$@"; }
"$root/docker/base-image.sh" "$work"
# Behind a proxy that breaks TLS the builder needs its authority: mounted for the RUN steps, never copied.
extra=()
if [ -n "${NODE_EXTRA_CA_CERTS:-}" ]; then extra+=(--build-arg NODE_EXTRA_CA_CERTS=/run/build-ca.crt -v "$NODE_EXTRA_CA_CERTS:/run/build-ca.crt:ro"); fi
[ -f "$HOME/.npmrc" ] && extra+=(-v "$HOME/.npmrc:/root/.npmrc:ro")
cd "$root"
for target in millrace worker; do
  name=localhost/millrace; [ "$target" = worker ] && name=localhost/millrace-worker
  # --format docker keeps HEALTHCHECK, which OCI has not.
  B bud --isolation chroot --layers --format docker --build-arg BASE=localhost/debian-node:bookworm "${extra[@]}" --target "$target" -f docker/Dockerfile -t "$name:$tag" .
done
B images
