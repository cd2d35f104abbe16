#!/bin/sh
# Emacs with examples/emacs.el: a letter is written, with a name that completes, and queued; in the
# view Gnus shows what is there, and an answer is queued. Nothing of it is on a disk in plain.
# Needs emacs and /dev/shm. Run by `make interop`.
#
#   emacs.sh POSTE
set -eu

here=$(cd "$(dirname "$0")" && pwd)
poste=$(realpath "$1")
dir=$(mktemp -d /dev/shm/poste-emacs.XXXXXX)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

mkdir bin home node run
ln -s "$poste" bin/poste
ln -s "$poste" bin/poste-sendmail
unset POSTE_CONFIG
export PATH="$dir/bin:$PATH" HOME="$dir/home" XDG_RUNTIME_DIR="$dir/run"
for name in alice bob; do
    POSTE_HOME=$dir/$name poste init --name $name --no-passphrase --trust-clock \
        --node "file://$dir/node" --publish "$dir/$name.card" >link
    POSTE_HOME=$dir/$name poste publish
done
export POSTE_HOME="$dir/alice"
poste add bob bob.card >words
echo 'Shall we meet?' | poste forge --from bob -s 'by the river' >path

sed "s|/usr/local/bin|$dir/bin|" "$here/../../examples/emacs.el" >emacs.el
emacs --batch -Q --eval '(setq byte-compile-warnings (quote (not free-vars unresolved)))' \
    --eval '(setq byte-compile-error-on-warn t)' -f batch-byte-compile emacs.el
timeout 120 poste view --at "$dir/view" -- \
    emacs --batch -Q -l emacs.elc -l "$here/emacs.el" </dev/null >said 2>&1 ||
    { cat said >&2; exit 1; }

# Both letters wait, in the words that were typed, and the read one is marked so.
[ "$(poste outbox | awk -F '\t' '$2 == "bob" && $3 == "queued"' | wc -l)" -eq 2 ]
poste list bob | while read -r path; do poste show --raw "$path"; done >all
grep -qx 'Subject: written in Emacs' all
grep -qx 'how about Friday?' all
grep -qx 'Subject: Re: by the river' all
if grep -i 'emacs/\|gnus\|user-agent' all >&2; then exit 1; fi
poste list -l bob | awk -F '\t' '$6 == "by the river" { flags = $4 } END { exit flags !~ /S/ }'
# And in the home of Emacs there is nothing of them.
if grep -rl 'Friday\|river\|written in' home >&2; then exit 1; fi
[ ! -e home/News ]
echo "interop: letters written and read in $(emacs --version | head -n 1)"
