#!/usr/bin/env bash
# Installs what the tests compare Boardwright with, and the programs they run on it.
#
#   tests/setup/install.sh            install what is missing
#   tests/setup/install.sh --bench    and the C compiler that `cargo xtask bench` needs
#   tests/setup/install.sh --print    only say what is missing
#
# It is for Debian 12 or 13 with Rust. The project itself builds without any of this; tests that need
# a program from here say so and name this script. A second run finds everything and does nothing.
set -euo pipefail

# Its qmp-shell takes commands from a pipe as well as from a terminal, and it was the newest when
# the tests were written. Pinned, so that a new release cannot change what a test sees.
readonly QEMU_QMP_VERSION=0.0.6

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly root
readonly venv=$root/target/venv
readonly firmware=/usr/lib/riscv64-linux-gnu/opensbi/generic
readonly uboot=/usr/lib/u-boot/qemu-riscv64_smode

print_only=false
for_bench=false
packages=()

say() { printf '%s\n' "$*"; }
die() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }

# need PACKAGE WHY TEST...: notes the package if the test fails.
need() {
    local package=$1 why=$2
    shift 2
    if ! "$@" >/dev/null 2>&1; then
        packages+=("$package")
        say "missing: $package - $why"
    fi
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "not root, and there is no sudo: run as root: $*"
    fi
}

# A package that Debian 13 may have split off: the first name that apt knows.
first_known() {
    local name
    for name in "$@"; do
        if apt-cache show "$name" >/dev/null 2>&1; then
            say "$name"
            return
        fi
    done
    die "apt knows none of: $*"
}

find_missing_packages() {
    need qemu 'the peer: the same boards, scripts and guests run on it' \
        sh -c 'command -v qemu-system-riscv64 && command -v qemu-system-riscv32'
    need qemu-utils 'makes and checks disk images' sh -c 'command -v qemu-img'
    need e2fsprogs 'makes file systems for guests' test -e /usr/sbin/mkfs.ext4
    need opensbi 'firmware that 64-bit guests boot from' test -e "$firmware/fw_jump.elf"
    need u-boot-qemu 'a boot loader to run behind the firmware' test -e "$uboot/uboot.elf"
    need binutils-riscv64-unknown-elf 'assembles the first guest (cargo xtask guest)' \
        sh -c 'command -v riscv64-unknown-elf-as && command -v riscv64-unknown-elf-ld'
    need gdb-multiarch 'debugs guests through the program' sh -c 'command -v gdb-multiarch'
    # Debian keeps ensurepip, which fills a virtual environment, in a package of its own.
    need python3-venv 'runs the QMP clients of the Python peer' \
        python3 -c 'import ensurepip, venv'
    if $for_bench; then
        need gcc-riscv64-unknown-elf 'compiles the kernels of cargo xtask bench' \
            sh -c 'command -v riscv64-unknown-elf-gcc'
    fi
}

install_packages() {
    [ "${#packages[@]}" -gt 0 ] || return 0
    command -v apt-get >/dev/null || die "no apt-get here: install these by hand: ${packages[*]}"
    as_root apt-get update -q
    local names=() package
    for package in "${packages[@]}"; do
        case $package in
            qemu) names+=("$(first_known qemu-system-riscv qemu-system-misc)") ;;
            *) names+=("$package") ;;
        esac
    done
    # Another apt may hold the lock: wait for it instead of failing.
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        -o DPkg::Lock::Timeout=300 "${names[@]}"
}

have_client() {
    [ -x "$venv/bin/qmp-shell" ] || return 1
    "$venv/bin/python" -c '
import sys
from importlib.metadata import version
sys.exit(version("qemu.qmp") != sys.argv[1])' "$QEMU_QMP_VERSION" >/dev/null 2>&1
}

install_client() {
    # A half-made environment, or one whose Python is gone, is made anew.
    "$venv/bin/python" -m pip --version >/dev/null 2>&1 || python3 -m venv --clear "$venv"
    "$venv/bin/python" -m pip install -q --disable-pip-version-check --no-input \
        "qemu.qmp==$QEMU_QMP_VERSION"
}

have_nextest() { cargo nextest --version >/dev/null 2>&1; }

case ${1-} in
    '') ;;
    --bench) for_bench=true ;;
    --print) print_only=true ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
esac

command -v cargo >/dev/null || die 'there is no cargo: install Rust first, https://rustup.rs'

find_missing_packages
have_client || say "missing: qemu.qmp $QEMU_QMP_VERSION in $venv - the QMP library and shell of the peer"
have_nextest || say 'missing: cargo-nextest - runs the tests, each in a process of its own'

if ! $print_only; then
    install_packages
    have_client || install_client
    have_nextest || cargo install cargo-nextest --locked
    
    packages=()
    find_missing_packages
    [ "${#packages[@]}" -eq 0 ] || die 'the packages above were installed and are still missing'
    have_client || die "qmp-shell does not work in $venv"
    have_nextest || die 'cargo-nextest was installed, but cargo does not find it'
fi

if ! $print_only; then
    # Without it the tests of Linux are not tried, and all others are.
    "$root/tests/setup/linux.sh" || say 'not fetched: Debian'"'"'s kernel for riscv64'
fi

cat <<END
qemu        $(command -v qemu-system-riscv64 || say -) $(command -v qemu-system-riscv32 || say -)
opensbi     $firmware/fw_jump.elf
u-boot      $uboot/uboot.elf
assembler   $(command -v riscv64-unknown-elf-as || say -)
debugger    $(command -v gdb-multiarch || say -)
qmp-shell   $venv/bin/qmp-shell
nextest     $(command -v cargo-nextest || say -)
linux       $(ls "$root/target/linux/Image" 2>/dev/null || say -)
END
