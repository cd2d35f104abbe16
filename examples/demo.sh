#!/bin/sh
# The main job, done for real: a relay on loopback over TLS, two people, a first letter and its
# answer, an attachment, a message at rest opened by plain age, a forgery, a backup that is edited,
# the relay's wipe, and the disclosure after which anybody can forge.
# Run by `make demo`. Asks nothing, listens on 127.0.0.1 alone, leaves nothing behind.
set -eu

bin=${1:-target/release}
case $bin in /*) ;; *) bin=$PWD/$bin ;; esac
[ -x "$bin/poste" ] && [ -x "$bin/posted" ] || { echo "demo: run make first" >&2; exit 1; }

# The relay's store must lie on a tmpfs, since unlinking is not wiping on a disk.
base=/dev/shm
[ -w "$base" ] || base=${XDG_RUNTIME_DIR:?there is neither /dev/shm nor XDG_RUNTIME_DIR}
dir=$(mktemp -d "$base/poste-demo.XXXXXX")
node=
stop_node() {
	[ -z "$node" ] || { kill "$node" 2>/dev/null; wait "$node" 2>/dev/null || :; node=; }
}
trap 'stop_node; rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
cd "$dir"

say() { printf '\n# %s\n' "$*"; }
alice() { printf 'alice$ poste %s\n' "$*"; "$bin/poste" --home "$dir/alice" "$@"; }
bob() { printf 'bob$ poste %s\n' "$*"; "$bin/poste" --home "$dir/bob" "$@"; }
unread() { "$bin/poste" --home "$dir/$1" list "$2" -u; }

# start COMMAND...: runs a relay and waits until it takes requests
start() {
	"$@" relay --config posted.toml 2>>node.log &
	node=$!
	tries=0
	until grep -q 'relay at' node.log; do
		tries=$((tries + 1))
		if [ $tries -gt 100 ] || ! kill -0 "$node" 2>/dev/null; then
			cat node.log >&2
			exit 1
		fi
		sleep 0.1
	done
}

say "a relay on loopback, with a certificate of its own"
port=$((20000 + $$ % 20000))
url=https://127.0.0.1:$port
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tls.key -out tls.pem \
	-days 9 -subj /CN=demo -addext subjectAltName=IP:127.0.0.1 \
	-addext basicConstraints=critical,CA:FALSE 2>openssl.log
cat >posted.toml <<TOML
name = "demo"
key_file = "node.key"
[relay]
listen = "127.0.0.1:$port"
url = "$url"
tls_cert = "tls.pem"
tls_key = "tls.key"
store = "dir:store"
TOML
start "$bin/posted"
echo "$url"

say "two people: each has an identity, and no account anywhere"
alice init --name Alice --no-passphrase --node "$url" --publish "$dir/alice.toml"
bob init --name Bob --no-passphrase --node "$url" --publish "$dir/bob.toml"
for person in alice bob; do
	echo "ca_file = \"$dir/tls.pem\"" >>"$person/config/config.toml"
done
alice publish

say "bob has alice's card, and compares the words with her on the telephone"
bob add alice alice.toml
alice card --words

say "a first letter: bob is a stranger to alice, so it waits as a request"
echo 'Lunch on Friday?' | bob send alice -s 'lunch'
bob sync
alice sync
request=$(unread alice requests)
alice show "$request"
alice accept "$request" bob

say "the answer goes through the keys that bob offered to alice alone"
echo 'Gladly. At one?' | alice send bob -s 'Re: lunch'
alice sync
bob sync
answer=$(unread bob alice)
bob show "$answer"
bob outbox

say "an attachment of 40 KB is more than the usual pace takes at once; it arrives as it was"
head -c 40000 /dev/urandom >photo.jpg
sha256sum photo.jpg
echo 'Here it is.' | bob send alice -s 'photo' -a photo.jpg
bob sync --now
alice sync
message=$(unread alice bob)
"$bin/poste" --home "$dir/alice" show "$message"
"$bin/poste" --home "$dir/alice" show "$message" --part 2 >arrived.jpg
sha256sum arrived.jpg
cmp photo.jpg arrived.jpg

say "a message at rest is an age file, and plain age opens it"
sed -n 's/^transit = "\(.*\)"/\1/p' alice/share/keys/transit.toml >transit.key
age -d -i transit.key alice/share/keys/locked.age | sed -n 's/^archive = "\(.*\)"/\1/p' >archive.key
name=${message##*/}
message=$("$bin/poste" --home "$dir/alice" list bob | grep "$name")
echo "alice\$ age -d -i archive.key ${message#"$dir"/} | head -n 7"
age -d -i archive.key "$message" | head -n 7

say "what a message proves, and to whom"
answer=$("$bin/poste" --home "$dir/bob" list alice | grep "${answer##*/}")
bob verify "$answer"

say "a message that was never sent is as good"
printf 'bob$ echo "I owe you a hundred." | poste forge --from alice -s debts\n'
forged=$(echo 'I owe you a hundred.' | "$bin/poste" --home "$dir/bob" forge --from alice -s debts)
bob verify "$forged"

say "a backup in plain files, changed by sed, and brought back"
bob export --plain -o open/
sed -i 's/At one/At two/' open/mail/alice/*/*.poste*
bob import --replace open
"$bin/poste" --home "$dir/bob" show "$answer"
bob verify "$answer"

say "what the relay holds: buckets of cells, no names"
ls -l store/hourly store/daily | sed 's/^/node$ /'

say "three hours later: the hour is wiped"
stop_node
: >node.log
# faketime itself would stay between us and the node; its library is all that is needed.
library=$(faketime -f +3h sh -c 'echo "$LD_PRELOAD"')
start env LD_PRELOAD="$library" FAKETIME=+3h NO_FAKE_STAT=1 "$bin/posted"
ls -l store/hourly store/daily | sed 's/^/node$ /'
if [ -n "$(ls store/hourly)" ]; then
	echo "demo: cells are still there" >&2
	exit 1
fi
stop_node

say "three days later: alice's sync discloses the day's key, unasked"
: >node.log
start env LD_PRELOAD="$library" FAKETIME=+3d NO_FAKE_STAT=1 "$bin/posted"
printf 'alice$ poste sync\n'
env LD_PRELOAD="$library" FAKETIME=+3d NO_FAKE_STAT=1 "$bin/poste" --home "$dir/alice" sync
sed -n '/^.disclosed/,$p' alice.toml | sed 's/^/alice.toml: /'
stop_node

say "and anybody who has the two cards can write as alice, on that day or any before"
"$bin/poste" --home "$dir/bob" card --toml >bob-now.toml
printf 'anybody$ poste forge --cards alice.toml bob.toml --date 2025-12-24 >letter.eml\n'
echo 'Season greetings.' | "$bin/poste" forge --cards alice.toml bob-now.toml \
	--date 2025-12-24 -s greetings >letter.eml
"$bin/poste" verify letter.eml --cards alice.toml bob-now.toml

say "done"
