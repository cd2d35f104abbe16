#!/bin/sh
# Collects real-world RFC 5322 messages for the tests into DIR, one file each:
#
#     tests/corpora.sh DIR
#
# They come from packages whose makers gathered them from mailing lists, archives and bug reports:
# the test data of notmuch (Debian source), of Python's email package (Debian) and of the crate
# mail-parser (already a dependency). They are not committed, since their authors never gave a
# licence. Kept are messages of at most 45 KB, each once. A DIR that is complete is left alone, so
# nothing is fetched twice; root is not needed. The last line says how many there are.
set -eu

mkdir -p "${1:?usage: tests/corpora.sh DIR}"
dir=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")/.." && pwd)
notmuch=0.37-1
limit=46080
needed=200

if [ -f "$dir/COMPLETE" ]; then
    cat "$dir/COMPLETE"
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/apt/lists/partial" "$work/apt/sources" "$work/apt/cache/archives/partial" \
    "$work/found"

# apt with the machine's own sources, their source packages included, and a state of its own.
apt() {
    apt-get -qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/apt/sources" \
        -o Dir::State::lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" \
        -o APT::Sandbox::User= "$@"
}
for list in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources; do
    [ -f "$list" ] || continue
    case $list in
    *.sources) sed 's/^Types:.*/Types: deb deb-src/' "$list" >"$work/apt/sources/debian.sources" ;;
    *) sed -n 's/^deb \(.*\)/deb \1\ndeb-src \1/p' "$list" >"$work/apt/sources/main.list" ;;
    esac
done
cd "$work"
apt update || echo "corpora: no package lists, so nothing from Debian" >&2

# Copies the messages among the files named on stdin to found/<source>-<number>.eml.
collect() {
    number=0
    sort | while read -r file; do
        [ "$(wc -c <"$file")" -le $limit ] || continue
        number=$((number + 1))
        cp "$file" "$(printf '%s/found/%s-%03d.eml' "$work" "$1" $number)"
    done
}

# Whether a file begins as a message does, if need be after an mbox line or a byte order mark.
messages() {
    while read -r file; do
        if head -n 2 "$file" | grep -aqE '^[!-9;-~]+:|^From '; then echo "$file"; fi
    done
}

if apt source --download-only "notmuch=$notmuch" >/dev/null 2>&1; then
    mkdir notmuch
    tar xf notmuch_*.orig.tar.* -C notmuch --strip-components 1
    find notmuch/test/corpora -type f ! -name 'README*' | messages | collect notmuch
else
    echo "corpora: cannot fetch the source of notmuch $notmuch" >&2
fi

if apt download libpython3.11-testsuite >/dev/null 2>&1; then
    dpkg-deb -x libpython3.11-testsuite_*.deb python
    find python -path '*/test_email/data/*.txt' | collect python
else
    echo "corpora: cannot fetch libpython3.11-testsuite" >&2
fi

crate=$(cd "$here" && cargo metadata --format-version 1 --locked |
    grep -o '"manifest_path":"[^"]*/mail-parser-[^/"]*/Cargo.toml"' | cut -d'"' -f4)
find "$(dirname "$crate")/resources" -name '*.eml' | collect mail-parser

# Each once: the first name of each content stays.
sha256sum found/*.eml | sort | awk 'seen[$1]++ { print $2 }' | xargs -r rm -f
count=$(find found -name '*.eml' | wc -l)
if [ "$count" -lt $needed ]; then
    echo "corpora: only $count messages found, $needed needed" >&2
    exit 1
fi
rm -f "$dir"/*.eml
cp found/*.eml "$dir"
echo "$count messages in $dir" >"$dir/COMPLETE"
cat "$dir/COMPLETE"
