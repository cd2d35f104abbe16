"""A second implementation of poste's own formats, from poste-protocol(7) alone.

    poste.py FOLDER    judge every test vector below FOLDER and compare with what it says

Only the standard library is used, so X25519, Ed25519 (verifying) and ChaCha20-Poly1305 are written
out here. They are slow and not constant in time: fit for public test vectors and nothing else.
Of letters, filed messages and cards the MAC, signature and disclosed seed are judged, not every
limit of every field: a vector whose rule is not known here must at least have them right.
"""

import base64
import hashlib
import hmac as hmac_module
import pathlib
import re
import struct
import sys
import tomllib
from datetime import date

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


class Broken(Exception):
    """The name of the broken rule."""


# Primitives


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def hmac(key, *parts):
    return hmac_module.new(key, b"".join(parts), "sha256").digest()


def hkdf(ikm, *info):
    return hmac(hmac(bytes(32), ikm), *info, b"\x01")


def x25519(secret, public):
    k = int.from_bytes(secret, "little") & ~7 & (2**255 - 1) | 2**254
    u = int.from_bytes(public, "little") & (2**255 - 1)
    x2, z2, x3, z3, swap = 1, 0, u, 1, 0
    for t in range(254, -1, -1):
        bit = k >> t & 1
        if swap ^ bit:
            x2, z2, x3, z3 = x3, z3, x2, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a % P, b * b % P, d * a % P, c * b % P
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % P, u * (da - cb) ** 2 % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


def x25519_public(secret):
    return x25519(secret, bytes([9]) + bytes(31))


def is_point(public):
    """Canonical, and not of small order: the order of such a point divides every clamped scalar."""
    return int.from_bytes(public, "little") < P and any(x25519(bytes(32), public))


def edwards_add(p, q):
    (x1, y1), (x2, y2) = p, q
    t = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + t, -1, P) % P
    return x, (y1 * y2 + x1 * x2) * pow(1 - t, -1, P) % P


def edwards_mul(k, p):
    out = (0, 1)
    while k:
        if k & 1:
            out = edwards_add(out, p)
        p, k = edwards_add(p, p), k >> 1
    return out


def edwards_point(data):
    """The canonical point with this encoding, none of small order."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    xx = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - xx) % P or (x == 0 and sign):
        return None
    point = (P - x if x & 1 != sign else x, y)
    return None if edwards_mul(8, point) == (0, 1) else point


BASE = edwards_point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def ed25519_holds(public, message, signature):
    a, r, s = edwards_point(public), edwards_point(signature[:32]), signature[32:]
    s = int.from_bytes(s, "little")
    if a is None or r is None or s >= L:
        return False
    k = hashlib.sha512(signature[:32] + public + message).digest()
    k = int.from_bytes(k, "little") % L
    return edwards_mul(s, BASE) == edwards_add(r, edwards_mul(k, a))


def chacha20_block(key, counter):
    def quarter(a, b, c, d):
        for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = s[x] + s[y] & 0xFFFFFFFF
            s[z] ^= s[x]
            s[z] = (s[z] << n | s[z] >> 32 - n) & 0xFFFFFFFF

    start = list(struct.unpack("<4I", b"expand 32-byte k") + struct.unpack("<8I", key))
    start += [counter, 0, 0, 0]
    s = start[:]
    for _ in range(10):
        for i in range(4):
            quarter(i, i + 4, i + 8, i + 12)
        for i in range(4):
            quarter(i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12)
    return struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(s, start)))


def poly1305(key, message):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for i in range(0, len(message), 16):
        block = message[i : i + 16] + b"\x01"
        total = (total + int.from_bytes(block, "little")) * r % (2**130 - 5)
    return (total + int.from_bytes(key[16:], "little") & (2**128 - 1)).to_bytes(16, "little")


def aead_open(key, aad, sealed):
    """ChaCha20-Poly1305 with the nonce of zeros; None if it does not open."""
    text, tag = sealed[:-16], sealed[-16:]
    pad = lambda data: data + bytes(-len(data) % 16)
    lengths = struct.pack("<QQ", len(aad), len(text))
    if poly1305(chacha20_block(key, 0)[:32], pad(aad) + pad(text) + lengths) != tag:
        return None
    blocks = range(1, len(text) // 64 + 2)
    stream = b"".join(chacha20_block(key, i) for i in blocks)
    return bytes(a ^ b for a, b in zip(text, stream))


# Notation


def unbase64(text, length=32):
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise Broken("Encoding") from None
    if len(data) != length or base64.b64encode(data).rstrip(b"=") != text.encode():
        raise Broken("Encoding")
    return data


def point(text):
    data = unbase64(text)
    if not is_point(data):
        raise Broken("Point")
    return data


# Formats


def earlier(seed, days):
    for _ in range(days):
        seed = hkdf(seed, b"poste/1 chain")
    return seed


def day_secret(seed, day):
    return hkdf(seed, b"poste/1 day key", day.encode())


def chain(v, _):
    day = date.fromisoformat(v["day"])
    if "disclosed-seed" in v:
        last, seed = date.fromisoformat(v["disclosed-day"]), unbase64(v["disclosed-seed"])
    else:
        last = date.fromordinal(date.fromisoformat(v["first"]).toordinal() + 4095)
        seed = unbase64(v["last-seed"])
    if day > last:
        raise Broken("End")
    seed = earlier(seed, (last - day).days)
    secret = day_secret(seed, v["day"])
    assert unbase64(v.get("seed", b64(seed))) == seed
    assert unbase64(v.get("day-secret", b64(secret))) == secret
    assert unbase64(v["day-key"]) == x25519_public(secret)


def b64(data):
    return base64.b64encode(data).rstrip(b"=").decode()


def mac_key(v):
    """mk, computed by both sides."""
    x, i = point(v["day-key"]), point(v["reader-dh"])
    shared = x25519(unbase64(v["day-secret"]), i)
    assert shared == x25519(unbase64(v["reader-secret"]), x) != bytes(32)
    author, reader = unbase64(v["author"]), unbase64(v["reader"])
    return hkdf(shared, b"poste/1 auth", v["day"].encode(), author, reader, x, i)


def letter_mac(key, control, mail):
    return hmac(key, b"poste/1 letter", struct.pack(">I", len(control)), control, mail)


def filed_mac(key, letter_id, rest):
    return hmac(key, b"poste/1 filed", letter_id.encode(), rest)


def must(holds, rule):
    if not holds:
        raise Broken(rule)


def auth(v, body):
    key = mac_key(v)
    if "id" in v:
        mac = filed_mac(key, v["id"], body)
    else:
        control = int(v["control"])
        mac = letter_mac(key, body[:control], body[control:])
    must(mac == unbase64(v["mac"]), "Mac")


def letter(v, body):
    line = re.match(rb"poste-letter/1 ([A-Za-z0-9+/]{43}) ([1-9][0-9]*)\n", body[:80])
    must(line, "FirstLine")
    try:
        mac = unbase64(line[1].decode())
    except Broken:
        raise Broken("FirstLine") from None
    rest, length = body[line.end() :], int(line[2])
    must(length <= min(len(rest), 32768), "Length")
    must(letter_mac(mac_key(v), rest[:length], rest[length:]) == mac, "Mac")


def filed(v, body):
    first, _, rest = body.partition(b"\n")
    form = rb"X-Poste: 1 ([0-9a-f]{32}) (\d{4}-\d\d-\d\d) ([A-Za-z0-9+/]{43}|unproven:\w+)"
    line = re.fullmatch(form, first)
    must(line, "NotFiled")
    person = rb"[0-9a-f]{64}@poste"
    head = rb"From: %b\nTo: %b(?:,\n? %b)*\nDate: .*\n" % (person, person, person)
    must(re.match(head, rest), "NotFiled")
    must(not line[3].startswith(b"unproven"), "Unproven")
    assert line[2].decode() == v["day"] or v["expect"] == "NotFiled"
    must(filed_mac(mac_key(v), line[1].decode(), rest) == unbase64(line[3].decode()), "Mac")


SIGNED, DISCLOSED = {"signature": ["ed25519"]}, {"disclosed": ["date", "seed"]}


def two_parts(body, limit, *shapes):
    must(b"\r" not in body and len(body) <= limit, "NotText")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Broken("NotText") from None
    marks = [m.start() for m in re.finditer(r"^\[signature\]$", text, re.M)]
    must(marks, "NoSignature")
    signed, trailer = text[: marks[-1]], text[marks[-1] :]
    try:
        trailer = tomllib.loads(trailer)
    except tomllib.TOMLDecodeError:
        raise Broken("Trailer") from None
    shape = {name: sorted(table) for name, table in trailer.items() if isinstance(table, dict)}
    must(len(shape) == len(trailer) and shape in shapes, "Trailer")
    return signed, trailer


def report(v, body):
    signed, trailer = two_parts(body, 4096, SIGNED)
    try:
        says = tomllib.loads(signed)
        url, share, time = says["url"], says["saturation"], says["time"]
    except (tomllib.TOMLDecodeError, KeyError):
        raise Broken("Signed") from None
    must(isinstance(share, float) and isinstance(time, int), "Signed")
    must(says["poste"] == 1, "Field(version)")
    must(re.fullmatch("https?://[!-~]+", url) and len(url) <= 256, "Field(url)")
    must(0 <= share <= 1, "Field(saturation)")
    try:
        key = unbase64(says["key"])
    except Broken:
        raise Broken("Field(key)") from None
    signature = unbase64(trailer["signature"]["ed25519"], 64)
    must(ed25519_holds(key, b"poste/1 report\n" + signed.encode(), signature), "Signature")
    for name, value in ("url", url), ("key", says["key"]), ("time", str(time)):
        assert v.get(name, value) == value
    assert float(v.get("saturation", share)) == share


def card(v, body):
    signed, trailer = two_parts(body, 16384, SIGNED, SIGNED | DISCLOSED)
    try:
        says = tomllib.loads(signed)
        key = unbase64(says["sign"])
    except (tomllib.TOMLDecodeError, KeyError, Broken):
        raise Broken("Signed") from None
    try:
        signature = unbase64(trailer["signature"]["ed25519"], 64)
    except Broken:
        raise Broken("Signature") from None
    listen = says.get("listen", "")
    must(re.fullmatch("[0-9a-f]{0,3}", listen), "Field(listen)")
    must(ed25519_holds(key, b"poste/1 card\n" + signed.encode(), signature), "Signature")
    must(sha256(key).hex().startswith(listen), "Listen")
    if "disclosed" in trailer:
        day, seed = trailer["disclosed"]["date"], trailer["disclosed"]["seed"]
        must(isinstance(day, date), "Trailer")
        try:
            seed = unbase64(seed)
        except Broken:
            raise Broken("Trailer") from None
        at = (day - says["first_day"]).days
        listed = says["days"][at] if 0 <= at < len(says["days"]) else None
        must(listed == b64(x25519_public(day_secret(seed, str(day)))), "Disclosed")
    must("fingerprint" not in v or v["fingerprint"] == sha256(key).hex(), "fingerprint")


def people(register):
    """Fingerprint, length, and whether a keeper."""
    for line in register.get("people", []):
        who, length, *keeper = line.split(" ")
        yield unbase64(who).hex(), int(length), keeper == ["keeper"]


def joined(registers):
    """What an author has said in all of them: no two here have one version."""
    newest = max(registers, key=lambda one: one["version"])
    lengths = {}
    for one in registers:
        for who, length, _ in people(one):
            lengths[who] = max(length, lengths.get(who, 0))
    named = {who for who, _, keeper in people(newest) if keeper}
    lines = [(who, length, who in named) for who, length in sorted(lengths.items())[:128]]
    titles = [(one["titled"], one["title"]) for one in registers if "title" in one]
    highest = {key: max(one.get(key, 0) for one in registers) for key in ("accepted", "left")}
    return {**highest, "people": lines, "title": max(titles, default=None)}


def group(v, body):
    says = tomllib.loads(body.decode())
    creator = says["creator"]
    heard = {}
    for one in says["said"]:
        heard.setdefault(one["author"], []).append(one["register"])
    said = {author: joined(registers) for author, registers in heard.items()}
    boss = said.get(creator, {}).get("people", [])
    keepers = {who for who, length, keeper in boss if keeper and length % 2 == 1} - {creator}
    lengths, titles = {}, []
    if creator in said:
        lengths[creator] = 1
        for author in [creator, *keepers]:
            register = said.get(author, {})
            for who, length, _ in register.get("people", []):
                if author == creator or who not in keepers | {creator}:
                    lengths[who] = max(length, lengths.get(who, 0))
            if register.get("title"):
                count, text = register["title"]
                titles.append((count, author, text))
        lengths[creator] |= 1
    lines = []
    for who, length in sorted(lengths.items()):
        accepted = said.get(who, {}).get("accepted", 0)
        left = said.get(who, {}).get("left", 0)
        if length % 2 == 0:
            standing = "left" if left and left >= length - 1 else "removed"
        elif accepted > left and accepted >= length:
            standing = "member"
        else:
            standing = "left" if left >= length else "invited"
        lines.append(f"{who[:8]} {standing}" + (" keeper" if who in keepers else ""))
    assert v["people"] == ", ".join(lines)
    assert v["title"] == (max(titles)[2] if titles else "")


def cell(v, body):
    data = bytes.fromhex(body.decode().replace("\n", ""))
    head, seen, bucket = data[:48], data[16:48], v["bucket"].encode()
    if "secret" in v:
        secret, n = unbase64(v["secret"]), struct.pack(">I", int(v["n"]))
        key = hmac(secret, b"poste/1 cell", bucket, n, seen)
        tag = hmac(secret, b"poste/1 tag", bucket, n)[:16]
        if v["expect"] != "NotOurs":
            assert tag[1] & 15 == data[1] & 15 and tag[2:] == data[2:16]
    else:
        must(is_point(seen), "NotOurs")
        own = unbase64(v["dh-secret"])
        public = x25519_public(own)
        assert public == unbase64(v["dh"])
        key = hkdf(x25519(own, seen), b"poste/1 stranger", bucket, seen, public)
    plain = aead_open(key, head, data[48:])
    must(plain is not None, "NotOurs")
    version, kind, name, index, count, length = struct.unpack(">BB16sHHH", plain[:24])
    must(version == 1, "Version")
    must(kind < 3, "Kind")
    must(index < count and (kind != 0 or count == 1), "Index")
    must(kind != 1 or count <= 16, "TooManyParts")
    must(length <= 4008 and (index + 1 == count or length == 4008), "Length")
    must((length == 0) == (kind == 0), "Length")
    must(not any(plain[24 + length :]), "Padding")
    chunk = plain[24 : 24 + length]
    digits = v["digits"]
    assert data[:16].hex().startswith(digits) and x25519_public(bytes.fromhex(v["drawn"][:64])) == seen
    says = [v[key] for key in ("kind", "id", "index", "count", "length", "sha256")]
    kinds = ("loop", "letter", "enclosure")
    assert says == [kinds[kind], name.hex(), str(index), str(count), str(length), sha256(chunk).hex()]


def stamp(v, _):
    must(re.fullmatch("[0-9a-f]{16}", v["stamp"]), "Form")
    both = unbase64(v["addressee"]) + unbase64(v["author"])
    work = sha256(b"poste/1 stamp", both, v["id"].encode(), bytes.fromhex(v["stamp"]))
    must(int.from_bytes(work, "big") >> 256 - int(v["bits"]) == 0, "Work")


def x25519_key(v, _):
    point(v["point"])


FORMATS = {
    "auth": auth,
    "card": card,
    "cell": cell,
    "chain": chain,
    "filed": filed,
    "group": group,
    "letter": letter,
    "point": x25519_key,
    "report": report,
    "stamp": stamp,
}

# Rules of single fields and of a reader's memory, which are not known here.
BEYOND = re.compile(
    r"card (Field|Signed|Future|Rollback|Equivocation|WrongIdentity)|letter (Field|Control)|filed NotFiled"
)


def main():
    judged, wrong = 0, []
    for folder, judge in FORMATS.items():
        for path in sorted((pathlib.Path(sys.argv[1]) / folder).iterdir()):
            header, _, body = path.read_bytes().partition(b"\n\n")
            pairs = (line.split(":", 1) for line in header.decode().splitlines())
            v = {key: value.strip(" ") for key, value in pairs}
            try:
                judge(v, body)
                verdict = "good"
            except Broken as broken:
                verdict = str(broken)
            except AssertionError:
                verdict = "not what it says of itself"
            judged += 1
            beyond = verdict == "good" and BEYOND.match(f"{folder} {v['expect']}")
            if verdict != v["expect"] and not beyond:
                wrong.append(f"{folder}/{path.name}: {verdict}, not {v['expect']}")
    print("\n".join(wrong) if wrong else f"{judged} vectors")
    sys.exit(bool(wrong))


main()
