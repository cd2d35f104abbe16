#!/bin/sh
# The first minutes in a bare Debian: a root of nothing but what Debian cannot do without, the
# package of `make deb` installed in it, and the first five minutes of the README that it brought
# typed by somebody who is not root and has no network but loopback. Then the package is purged, and
# the root is as before.
# Needs root, debootstrap and a network. Run by `make interop`.
#
#   debian.sh PACKAGE
set -eu

package=$1
dir=$(mktemp -d /var/tmp/poste-debian.XXXXXX)
root=$dir/root
readme=$root/usr/share/doc/poste/README.md
trap 'umount -l "$root/dev/shm" "$root/proc" 2>/dev/null || :; rm -rf "$dir"' EXIT

# From where this machine has its own packages.
. /etc/os-release
mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' |
    sed -n "s/ $VERSION_CODENAME\$//p" | head -n 1)
debootstrap --variant=minbase "$VERSION_CODENAME" "$root" "$mirror" >"$dir/log" 2>&1 ||
    { tail "$dir/log" >&2; exit 1; }
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/dev/shm"

# Everything but what dpkg keeps for itself and the home of the one who types.
everything() {
    (cd "$root" && find . -xdev \( -path ./var/lib/dpkg -o -path ./home -o -path ./proc \
        -o -path ./var/log -o -path ./var/cache -o -path ./tmp \) -prune -o -print | sort)
}

chroot "$root" useradd --create-home alice
everything >"$dir/before"
cp "$package" "$root/tmp/poste.deb"
chroot "$root" dpkg --install /tmp/poste.deb
[ -s "$readme" ] || { echo "interop: the package has brought no README" >&2; exit 1; }

# The lines up to the first letter and its answer, one after the other, in one shell.
{
    echo 'shopt -s expand_aliases'
    echo 'set -e -o pipefail'
    sed -n '/^## The first five minutes/,/^Then for good/s/^\$ //p' "$readme" |
        grep -v '^make ' |
        while IFS= read -r line; do
            printf "echo '$ %s'\n%s\n" "$(printf %s "$line" | sed "s/'/'\\\\''/g")" "$line"
            case $line in
                posted*) echo 'until (: </dev/tcp/127.0.0.1/4000) 2>/dev/null; do sleep 0.1; done' ;;
            esac
        done
    echo 'kill %1; wait %1'
} >"$root/home/alice/first"
unshare --net sh -c 'ip link set lo up && exec chroot "$0" su - alice -s /bin/bash -c "bash first"' \
    "$root" | tee "$dir/said"
grep -q 'with pleasure' "$dir/said"
[ "$(grep -c '^lunch at one?$' "$dir/said")" -ge 2 ]

chroot "$root" dpkg --purge poste
everything >"$dir/after"
cmp "$dir/before" "$dir/after" || { diff "$dir/before" "$dir/after" >&2; exit 1; }
echo "interop: a letter and its answer in a bare Debian, and nothing left of the package"
