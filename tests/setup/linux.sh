#!/usr/bin/env bash
# Fetches Debian's kernel for riscv64, some of its modules and its BusyBox, as data, into target/linux.
#
#   tests/setup/linux.sh
#
# apt does it, from the mirror that this machine uses and with Debian's keys, but with lists and a
# cache of its own: nothing is installed. About 120 MB. A second run finds everything and does
# nothing. Without network it fails, and the tests of Linux are not tried.
set -euo pipefail

# The first Debian that has the architecture.
readonly SUITE=trixie

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly place=$root/target/linux
readonly kernel=$place/Image busybox=$place/busybox modules=$place/modules
# What the tests load: virtio, ext4, 9p and what these need.
readonly wanted=(virtio_mmio virtio_blk virtio_net net_failover failover virtio_balloon virtio-rng
    crc16 crc32c_generic libcrc32c mbcache jbd2 ext4 netfs 9pnet 9pnet_virtio 9p)

die() { printf 'linux.sh: %s\n' "$*" >&2; exit 1; }

if [ -s "$kernel" ] && [ -s "$busybox" ] && [ -d "$modules" ]; then
    exit 0
fi
command -v apt-get >/dev/null || die 'there is no apt-get here'
# The archive of Debian itself, not that of security updates, which lacks most packages.
mirror=$(apt-get indextargets --format '$(SITE) $(ORIGIN)' 'Component: main' |
    awk '$2 == "Debian" && $1 !~ /security/ { print $1; exit }')
[ -n "$mirror" ] || die 'apt knows no mirror of Debian: run apt-get update'

mkdir -p "$place/apt/lists/partial" "$place/apt/cache/archives/partial"
: >"$place/apt/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $SUITE main" \
    >"$place/apt/sources.list"
apt() {
    apt-get -q -o Dir::Etc::SourceList="$place/apt/sources.list" -o Dir::Etc::SourceParts=- \
        -o Dir::State::Lists="$place/apt/lists" -o Dir::State::Status="$place/apt/status" \
        -o Dir::Cache="$place/apt/cache" -o APT::Architecture=riscv64 \
        -o APT::Architectures=riscv64 -o Acquire::Languages=none -o APT::Sandbox::User=root "$@"
}
apt update
cd "$place/apt"
# The package of the usual name only depends on that of a version.
version=$(apt install --print-uris --no-install-recommends linux-image-riscv64 |
    sed -n 's/.* \(linux-image-[0-9][^_]*\)_.*/\1/p' | head -n 1)
[ -n "$version" ] || die "$SUITE has no kernel for riscv64"
apt download "$version" busybox-static

dpkg-deb --fsys-tarfile linux-image-*.deb | tar -x --wildcards './boot/vmlinu*'
dpkg-deb --fsys-tarfile busybox-static_*.deb | tar -x ./usr/bin/busybox
dpkg-deb --fsys-tarfile linux-image-*.deb | tar -x --wildcards './usr/lib/modules/*.ko.xz'
mkdir ko
for name in "${wanted[@]}"; do
    find usr/lib/modules -name "$name.ko.xz" -exec cp -t ko {} +
    [ -s "ko/$name.ko.xz" ] || die "the kernel has no module $name"
done
xz -d ko/*.xz
# They come with what debuggers want, which is most of them.
if command -v riscv64-unknown-elf-strip >/dev/null; then
    riscv64-unknown-elf-strip --strip-debug ko/*.ko
fi
# Last, so that what is there is whole.
rm -rf "$modules"
mv ko "$modules"
mv usr/bin/busybox "$busybox"
mv boot/vmlinu?-* "$kernel"
cd "$place"
rm -r apt
ls -l "$kernel" "$busybox" "$modules"
