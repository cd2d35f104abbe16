//! Vectors of cards: good ones, and one for each rule of form, limit, signature and reading.

use crate::vector::{Dice, Person, Vector, first_day, now, today};
use poste::core::bucket::{Class, Prefix};
use poste::core::card::{Card, Disclosed, Retired, SignedCard};
use poste::core::encode::base64;
use poste::core::hybrid::HybridSecret;
use poste::core::keys::{DhSecret, SignSecret};
use poste::core::prim;
use poste::core::time::DAY;

fn plain() -> (Card, Person) {
    let alice = Person::new("alice");
    let prekey = HybridSecret::generate(&mut Dice::new("prekey of alice"));
    let card = Card {
        issued: now(),
        expires: now() + 90 * DAY,
        name: "Alice".into(),
        sign: alice.public(),
        series: first_day().start(),
        dh: alice.dh.public(),
        first_day: first_day(),
        days: alice.chain.day_keys(first_day(), 4).iter().map(DhSecret::public).collect(),
        prekey: prekey.public(),
        prekey_until: today().plus(14),
        urls: vec!["https://a.example/alice.toml".into()],
        nodes: vec!["https://relay.example".into()],
        listen: Prefix::of(alice.public().fingerprint().as_bytes(), 1),
        class: Class::Hourly,
        stamp_bits: 22,
        cover: false,
        retired: Vec::new(),
        end: false,
    };
    (card, alice)
}

fn base() -> (String, SignSecret) {
    let (card, alice) = plain();
    let signed = card.sign(&alice.sign, None).expect("a good card");
    (signed.signed_part().to_owned(), alice.sign)
}

fn trailer(signature: &[u8]) -> String {
    format!("[signature]\ned25519 = \"{}\"\n", base64(signature))
}

/// Any text with the right signature.
fn signed(text: &str, secret: &SignSecret) -> String {
    let message = [b"poste/1 card\n", text.as_bytes()].concat();
    format!("{text}{}", trailer(&prim::ed25519_sign(secret.expose(), &message)))
}

fn seed_of(alice: &Person, day: u32) -> Disclosed {
    let date = first_day().plus(day);
    Disclosed { date, seed: alice.chain.seed(date).expect("a day of the chain") }
}

fn vector(name: &str, expect: &str, comment: &str, body: impl Into<Vec<u8>>) -> Vector {
    Vector::new("card", name, expect, comment).body(body)
}

pub fn good() -> Vec<Vector> {
    let (card, alice) = plain();
    let mut all = Vec::new();
    let mut ours = |name: &str, comment: &str, card: Card, disclosed: Option<Disclosed>| {
        let made: SignedCard = card.sign(&alice.sign, disclosed.as_ref()).expect("a good card");
        let vector = vector(name, "good", comment, made.text())
            .with("fingerprint", card.fingerprint())
            .with("rewrite", "same")
            .with("sign-secret", base64(alice.sign.expose()));
        all.push(match disclosed {
            Some(disclosed) => vector.with("disclosed", disclosed.date),
            None => vector,
        });
    };
    ours("plain", "nothing disclosed yet", card.clone(), None);
    ours("disclosed", "a seed in the trailer", card.clone(), Some(seed_of(&alice, 0)));
    ours("disclosed_later", "a later seed", card.clone(), Some(seed_of(&alice, 1)));
    let no_digits = Card { listen: Prefix::default(), ..card.clone() };
    ours("no_listen_digits", "listens to everything", no_digits, None);
    let three = Prefix::of(alice.public().fingerprint().as_bytes(), 3);
    ours("three_listen_digits", "the most", Card { listen: three, ..card.clone() }, None);
    ours("daily", "listens once a day", Card { class: Class::Daily, ..card.clone() }, None);
    ours("most_bits", "28 bits of work", Card { stamp_bits: 28, ..card.clone() }, None);
    let long_name = Card { name: "é".repeat(64), ..card.clone() };
    ours("name_of_64", "64 characters, not bytes", long_name, None);
    let many: Vec<_> = alice.chain.day_keys(first_day(), 64).iter().map(DhSecret::public).collect();
    ours("days_64", "the most days", Card { days: many, ..card.clone() }, None);
    let bob = Person::new("bob");
    let retired = vec![Retired {
        series: card.series - 100 * DAY,
        dh: bob.dh.public(),
        date: bob.chain.first(),
        seed: bob.chain.seed(bob.chain.first()).expect("the first day"),
    }];
    ours("retired", "an earlier series is disclosed", Card { retired, ..card.clone() }, None);
    let newer = Card { issued: now() + 60, ..card.clone() };
    ours("newer", "issued a minute later", newer, None);
    ours("end", "no newer card is to be believed", Card { end: true, ..card.clone() }, None);

    let (text, secret) = base();
    let mut others = |name: &str, comment: &str, text: String| {
        let vector = vector(name, "good", comment, signed(&text, &secret));
        all.push(vector.with("fingerprint", secret.public().fingerprint()));
    };
    others("unknown_key", "a key of a later version", format!("{text}later = 1\n"));
    others("unknown_table", "a table of a later version", format!("{text}[later]\na = 1\n"));
    others("comment", "TOML has comments", format!("# mine\n{text}"));
    let optional = ["name", "urls", "nodes", "stamp_bits", "cover"];
    let lines = text.lines().filter(|l| !optional.iter().any(|k| l.starts_with(&format!("{k} ="))));
    let required: String = lines.map(|line| format!("{line}\n")).collect();
    others("required_only", "all others have defaults", required);
    let note = "note = \"\"\"\n[signature]\ned25519 = \\\"x\\\"\n\"\"\"\n";
    others("mark_in_string", "only the last mark splits", format!("{note}{text}"));
    all
}

pub fn text_and_trailer() -> Vec<Vector> {
    let (card, alice) = plain();
    let (text, secret) = base();
    let good = signed(&text, &secret);
    let disclosed = |d: &Disclosed| {
        let seed = base64(d.seed.expose());
        format!("{good}[disclosed]\ndate = {}\nseed = \"{seed}\"\n", d.date)
    };
    let mut all = Vec::new();
    let mut add = |name: &str, expect: &str, comment: &str, body: Vec<u8>| {
        all.push(vector(name, expect, comment, body));
    };
    let text_of = |body: String| body.into_bytes();
    add("cr", "NotText", "line ends are LF", text_of(signed(&text.replace('\n', "\r\n"), &secret)));
    let mut latin = good.clone().into_bytes();
    let at = good.find("Alice").expect("the name");
    latin[at] = 0xe9;
    add("latin1", "NotText", "not UTF-8", latin);
    let padding = format!("# {}\n", "x".repeat((16 << 10) + 1 - good.len() - 3));
    let long = signed(&format!("{padding}{text}"), &secret);
    assert_eq!(long.len(), (16 << 10) + 1);
    add("too_long", "NotText", "16 KiB and one byte", text_of(long));
    add("no_mark", "NoSignature", "no line [signature]", text_of(text.clone()));
    for (name, comment, mark) in [
        ("mark_spaced", "a space after the mark", "[signature] "),
        ("mark_indented", "a space before the mark", " [signature]"),
        ("mark_commented", "a comment after the mark", "[signature]#"),
    ] {
        add(name, "NoSignature", comment, text_of(good.replace("[signature]", mark)));
    }
    let tail = "[[prekey]]\nrecipient = \"age1pq1mallory\"\n";
    add("table_after", "Trailer", "a table after the trailer", text_of(format!("{good}{tail}")));
    let key = good.replace("ed25519 =", "nodes = []\ned25519 =");
    add("key_in_trailer", "Trailer", "a key beside the signature", text_of(key));
    let one = seed_of(&alice, 0);
    let more = format!("{}nodes = []\n", disclosed(&one));
    add("key_in_disclosed", "Trailer", "a key beside the seed", text_of(more));
    let bare = format!("{text}[signature]\n");
    add("no_ed25519", "Trailer", "a mark without a signature", text_of(bare));
    let no_seed = format!("{good}[disclosed]\ndate = {}\n", one.date);
    add("disclosed_without_seed", "Trailer", "a date alone", text_of(no_seed));
    let quoted = disclosed(&one)
        .replace(&format!("date = {}", one.date), &format!("date = \"{}\"", one.date));
    add("disclosed_date_quoted", "Trailer", "a date is no string", text_of(quoted));
    let short = disclosed(&one).replace(&base64(one.seed.expose()), &base64(&[1; 31]));
    add("disclosed_short_seed", "Trailer", "a seed of 31 bytes", text_of(short));
    let other = Disclosed { date: one.date, seed: seed_of(&alice, 1).seed };
    add(
        "disclosed_other_seed",
        "Disclosed",
        "the seed of the day after",
        text_of(disclosed(&other)),
    );
    let date = first_day().minus(1);
    let seed = alice.chain.seed(date).expect("days before the first have one");
    let before = Disclosed { date, seed };
    add(
        "disclosed_unlisted",
        "Disclosed",
        "a right seed of a day not listed",
        text_of(disclosed(&before)),
    );

    let flipped = good.replace("Alice", "Alicf");
    add("changed", "Signature", "a name changed after signing", text_of(flipped));
    let unlabelled = prim::ed25519_sign(secret.expose(), text.as_bytes());
    let body = format!("{text}{}", trailer(&unlabelled));
    add("no_label", "Signature", "signed without the label", text_of(body));
    let mallory = signed(&text, &Person::new("mallory").sign);
    add("other_key", "Signature", "signed by somebody else", text_of(mallory));
    let twice = format!("{good}{}", trailer(&[1; 64]));
    add("two_signatures", "Signature", "the last mark splits", text_of(twice));
    let (start, end) = good.split_once("ed25519 = \"").expect("has a signature");
    let signature = &end[..86];
    for (name, comment, value) in [
        ("signature_padded", "base64 is unpadded", format!("{signature}==")),
        ("signature_short", "63 bytes", base64(&[1; 63])),
        ("signature_zeros", "64 zeros", base64(&[0; 64])),
    ] {
        add(name, "Signature", comment, text_of(format!("{start}ed25519 = \"{value}\"\n")));
    }
    let bytes: [u8; 64] = poste::core::encode::unbase64(signature).expect("64 bytes");
    let malleable = format!("{text}{}", trailer(&plus_order(bytes)));
    add("signature_not_reduced", "Signature", "S plus the group order", text_of(malleable));
    let mut identity = [0; 32];
    identity[0] = 1;
    let weak = text
        .replace(&card.sign.to_string(), &base64(&identity))
        .replace(&format!("listen = \"{}\"", card.listen), "listen = \"\"");
    let mut nothing = [0; 64];
    nothing[0] = 1;
    let weak = format!("{weak}{}", trailer(&nothing));
    add("sign_of_small_order", "Signature", "a key for which all holds", text_of(weak));
    all
}

/// The signature with S + L in place of S (RFC 8032, section 5.1.7: it is to be refused).
fn plus_order(mut signature: [u8; 64]) -> [u8; 64] {
    let mut order = [0; 32];
    order[..16].copy_from_slice(&0x14de_f9de_a2f7_9cd6_5812_631a_5cf5_d3ed_u128.to_le_bytes());
    order[31] = 0x10;
    let mut carry = 0;
    for (byte, add) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    signature
}

pub fn fields() -> Vec<Vector> {
    let (card, alice) = plain();
    let (text, secret) = base();
    let mut all = Vec::new();
    // The whole line of a key is replaced by this text.
    let mut set = |name: &str, expect: &str, comment: &str, key: &str, line: &str| {
        let begins = format!("{key} = ");
        let (mut out, mut found) = (String::new(), 0);
        for old in text.lines() {
            match old.starts_with(&begins) {
                true => (out += line, found += 1).0,
                false => out += &format!("{old}\n"),
            }
        }
        assert_eq!(found, 1, "{key}");
        all.push(vector(name, expect, comment, signed(&out, &secret)));
    };
    for key in [
        "poste",
        "issued",
        "expires",
        "sign",
        "series",
        "dh",
        "first_day",
        "days",
        "prekey",
        "prekey_until",
        "listen",
        "class",
    ] {
        set(&format!("without_{key}"), "Signed", "a required key is missing", key, "");
    }
    let field = |name: &str| format!("Field({name})");
    set("version_2", &field("version"), "another version", "poste", "poste = 2\n");
    set("expired_before", &field("expires"), "ends before it begins", "expires", "expires = 1\n");
    let name = |text: &str| format!("name = \"{text}\"\n");
    set("name_of_65", &field("name"), "65 characters", "name", &name(&"a".repeat(65)));
    set("name_turned", &field("name"), "U+202E turns the text", "name", &name("A\u{202e}b"));
    set("name_escape", &field("name"), "a terminal's escape", "name", &name("\\u001b[2J"));
    set("name_line_end", &field("name"), "two lines", "name", &name("a\\nb"));
    set("name_number", "Signed", "a name is a string", "name", "name = 1\n");
    set("name_twice", "Signed", "a key given twice", "name", &name("a").repeat(2));
    let days = |keys: &[String]| format!("days = [{}]\n", keys.join(", "));
    let quote = |bytes: &[u8]| format!("\"{}\"", base64(bytes));
    let day = quote(card.days[0].as_bytes());
    set("days_none", &field("list of days"), "no day", "days", &days(&[]));
    let many = days(&vec![day.clone(); 65]);
    set("days_65", &field("list of days"), "65 days", "days", &many);
    let weak = days(&[day, quote(&[0; 32])]);
    set("days_small_order", "Signed", "a day key of small order", "days", &weak);
    let urls = |key: &str, urls: &[String]| {
        let list: Vec<String> = urls.iter().map(|url| format!("\"{url}\"")).collect();
        format!("{key} = [{}]\n", list.join(", "))
    };
    for key in ["urls", "nodes"] {
        let nine = urls(key, &vec!["https://a.example".into(); 9]);
        set(&format!("{key}_9"), &field(key), "nine of them", key, &nine);
        let spaced = urls(key, &["https://a b".into()]);
        set(&format!("{key}_spaced"), &field(key), "a space in it", key, &spaced);
        let bare = urls(key, &["a.example".into()]);
        set(&format!("{key}_bare"), &field(key), "no scheme", key, &bare);
        let long = urls(key, &[format!("https://{}", "a".repeat(249))]);
        set(&format!("{key}_long"), &field(key), "257 bytes", key, &long);
    }
    set("stamp_bits_29", &field("stamp_bits"), "more than 28", "stamp_bits", "stamp_bits = 29\n");
    set("stamp_bits_256", "Signed", "far more than 28", "stamp_bits", "stamp_bits = 256\n");
    set("class_weekly", &field("class"), "no such class", "class", "class = \"weekly\"\n");
    set("listen_four", &field("listen"), "four digits", "listen", "listen = \"4bcd\"\n");
    set("listen_upper", &field("listen"), "hex is lower case", "listen", "listen = \"B\"\n");
    let mut other = *card.fingerprint().as_bytes();
    other[0] ^= 0x10;
    let other = format!("listen = \"{}\"\n", Prefix::of(&other, 1));
    set("listen_other", "Listen", "not the fingerprint's", "listen", &other);
    let dh = |text: &str| format!("dh = \"{text}\"\n");
    let mut top = *alice.dh.public().as_bytes();
    top[31] |= 0x80;
    let mut above = [0xff; 32];
    (above[0], above[31]) = (0xf6, 0x7f);
    let good = base64(alice.dh.public().as_bytes());
    set("dh_zero", "Signed", "of small order", "dh", &dh(&base64(&[0; 32])));
    set("dh_top_bit", "Signed", "top bit set", "dh", &dh(&base64(&top)));
    set("dh_not_reduced", "Signed", "not below 2^255 - 19", "dh", &dh(&base64(&above)));
    set("dh_padded", "Signed", "base64 is unpadded", "dh", &dh(&format!("{good}=")));
    set("dh_short", "Signed", "31 bytes", "dh", &dh(&base64(&[9; 31])));
    let prekey = |bytes: &[u8]| format!("prekey = \"{}\"\n", base64(bytes));
    let mut bytes = *card.prekey.as_bytes();
    let padded = format!("prekey = \"{}==\"\n", base64(&bytes));
    set("prekey_padded", &field("prekey"), "base64 is unpadded", "prekey", &padded);
    set("prekey_short", &field("prekey"), "1215 bytes", "prekey", &prekey(&bytes[1..]));
    let comment = "a coefficient of 3329, which is the modulus";
    (bytes[0], bytes[1]) = (0x01, bytes[1] & 0xf0 | 0x0d);
    set("prekey_modulus", &field("prekey"), comment, "prekey", &prekey(&bytes));
    let mut bytes = *card.prekey.as_bytes();
    bytes[1184..].fill(0);
    set("prekey_small_order", &field("prekey"), "its X25519 half", "prekey", &prekey(&bytes));
    set("sign_short", "Signed", "31 bytes", "sign", &format!("sign = {}\n", quote(&[9; 31])));
    set("issued_negative", "Signed", "before 1970", "issued", "issued = -1\n");
    set("issued_year_10000", "Signed", "no such year", "issued", "issued = 253402300800\n");
    let quoted = format!("first_day = \"{}\"\n", first_day());
    set("first_day_quoted", "Signed", "a date is no string", "first_day", &quoted);
    set("first_day_february", "Signed", "no such day", "first_day", "first_day = 2026-02-29\n");
    let moment = "first_day = 2026-11-20T00:00:00Z\n";
    set("first_day_moment", "Signed", "a date has no time", "first_day", moment);
    set("not_toml", "Signed", "no value", "cover", "cover = \n");
    let retired = format!(
        "cover = false\nretired = [{{ series = {}, dh = \"{good}\", date = {}, seed = \"{}\" }}]\n",
        card.series.unix(),
        first_day(),
        base64(&[1; 32])
    );
    let comment = "its own series is not over";
    set("retired_itself", &field("retired"), comment, "cover", &retired);
    all
}

pub fn readers() -> Vec<Vector> {
    let (card, alice) = plain();
    let made = |card: &Card| card.sign(&alice.sign, None).expect("a good card").text().to_owned();
    let plain = made(&card);
    let twin = made(&Card { name: "Mallory".into(), ..card.clone() });
    let vector = |name: &str, expect: &str, comment: &str, body: &str, now| {
        vector(name, expect, comment, body).with("pinned", card.fingerprint()).with("now", now)
    };
    let seen = |v: Vector, name: &str| v.with("seen", name);
    let now = now().unix();
    let later =
        card.sign(&alice.sign, Some(&seed_of(&alice, 1))).expect("a good card").text().to_owned();
    let other = Vector::new("card", "read_wrong_identity", "WrongIdentity", "another is pinned")
        .with("pinned", Person::new("bob").public().fingerprint())
        .with("now", now)
        .body(plain.as_str());
    vec![
        vector("read_first", "good", "nothing seen yet", &plain, now),
        vector("read_day_ahead", "good", "a clock may be a day behind", &plain, now - DAY),
        vector("read_future", "Future", "more than a day ahead", &plain, now - DAY - 1),
        seen(vector("read_same", "good", "the same again", &plain, now), "plain"),
        seen(vector("read_trailer", "good", "a newer trailer", &later, now), "disclosed"),
        seen(vector("read_rollback", "Rollback", "an older one", &plain, now), "newer"),
        seen(vector("read_twin", "Equivocation", "two of one time", &twin, now), "plain"),
        seen(
            vector("read_after_end", "Rollback", "the last one was final", &plain, now),
            "end_later",
        ),
        other,
        Vector::new("card", "end_later", "good", "a final card, issued a minute later")
            .with("fingerprint", card.fingerprint())
            .body(made(&Card { end: true, issued: card.issued + 60, ..card.clone() })),
        seen(
            vector(
                "read_newer_after_end",
                "Rollback",
                "a newer one after a final one",
                &made(&Card { issued: card.issued + 60, ..card.clone() }),
                now,
            ),
            "end",
        ),
    ]
}
