#!/bin/sh
# Hybrid keys both ways, live, against the npm package age-encryption, which shares no code with
# ours: the same recipient from an identity, they seal and we open, we seal and they open.
# Needs node, npm, a network, and `cargo build --example hybrid_age`. Run by `make interop`.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
ours=${CARGO_TARGET_DIR:-$root/target}/debug/examples/hybrid_age
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

(cd "$root" && cargo build --quiet --example hybrid_age)
npm install --silent --no-audit --no-fund --prefix "$dir" age-encryption@0.3.1
cp "$here/age.mjs" .
theirs() { node age.mjs "$@"; }

files=0
for size in 0 1 2000 4008 65535 65536 65537 200000; do
    "$ours" new > key
    identity=$(tail -n 1 key)
    recipient=$("$ours" public key)
    [ "$recipient" = "$(theirs public "$identity")" ] || { echo "recipients differ" >&2; exit 1; }
    head -c "$size" /dev/urandom > plain

    theirs seal "$recipient" plain theirs.age
    "$ours" open key < theirs.age > opened
    cmp plain opened

    "$ours" seal "$recipient" < plain > ours.age
    theirs open "$identity" ours.age opened
    cmp plain opened
    files=$((files + 2))
done
echo "interop: $files files, opened by the other side each"
