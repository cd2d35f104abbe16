//! Vectors of letters: good ones, and one for each rule of the first line, of the control data and
//! of the MAC. The MAC of all but the last is right over whatever is wrong.

use super::group::{introducing, statement, stating};
use crate::vector::{ALICE, BOB, Dice, Person, Vector, mac_key, now, today};
use poste::core::card::Disclosed;
use poste::core::encode::base64;
use poste::core::group::Register;
use poste::core::hybrid::HybridSecret;
use poste::core::keys::{EnclosureId, GroupId, LetterId, PairSecret};
use poste::core::letter::{Control, Enclosure, Group, Kind, Offer, Statement, Want};
use poste::core::stamp::Stamp;

const MAIL: &[u8] = b"Subject: lunch\n\nat one\n";

pub fn people() -> (&'static Person, &'static Person) {
    (&ALICE, &BOB)
}

pub fn plain() -> Control {
    let (alice, _) = people();
    let id = LetterId::generate(&mut Dice::new("letter"));
    let control = Control::new(id, alice.public().fingerprint(), now(), today());
    Control { card_seen: now(), offer_seen: now() + 1, ..control }
}

fn offer() -> Offer {
    let mut dice = Dice::new("offer");
    Offer {
        made: now(),
        prekey: HybridSecret::generate(&mut dice).public(),
        secret: PairSecret::generate(&mut dice),
        nodes: vec!["https://relay.example".into()],
    }
}

fn full() -> Control {
    let mut dice = Dice::new("full");
    let (alice, _) = people();
    let date = today().minus(2);
    Control {
        kind: Kind::Control,
        acks: vec![LetterId::generate(&mut dice), LetterId::generate(&mut dice)],
        offer: Some(offer()),
        disclosed: Some(Disclosed { date, seed: alice.chain.seed(date).expect("a day") }),
        card: Some("poste = 1\n[signature]\ned25519 = \"x\"\n".into()),
        enclosure: Some(Enclosure {
            id: EnclosureId::generate(&mut dice),
            cells: 300,
            sha256: [1; 32],
            key: HybridSecret::generate(&mut dice),
        }),
        want: Some(Want { id: EnclosureId::generate(&mut dice), missing: vec![0b1010_0000] }),
        group: Some(Group { id: GroupId::generate(&mut dice), version: 2, hash: [3; 32] }),
        stamp: Stamp::parse("0123456789abcdef"),
        ..plain()
    }
}

pub fn vector(name: &str, expect: &str, comment: &str) -> Vector {
    let (alice, bob) = people();
    Vector::new("letter", name, expect, comment).with_terms(alice, bob, today())
}

fn written(control: &Control, mail: &[u8]) -> Vec<u8> {
    let (alice, bob) = people();
    control.write(mail, &mac_key(alice, bob, today())).expect("admissible").to_vec()
}

pub fn control_of(control: &Control) -> String {
    let bytes = written(control, b"");
    let text = String::from_utf8(bytes).expect("UTF-8");
    text.split_once('\n').expect("a first line").1.to_owned()
}

/// Any control data under a right MAC.
pub fn sealed(control: &[u8], mail: &[u8]) -> Vec<u8> {
    let (alice, bob) = people();
    let mac = mac_key(alice, bob, today()).letter(control, mail);
    let first = format!("poste-letter/1 {} {}\n", base64(&mac), control.len());
    [first.as_bytes(), control, mail].concat()
}

pub fn good() -> Vec<Vector> {
    let mut all = Vec::new();
    let mut ours = |name: &str, comment: &str, control: Control, mail: &[u8]| {
        let kind = match control.kind {
            Kind::Control => "control",
            Kind::Cover => "cover",
            Kind::Mail => "mail",
        };
        all.push(
            vector(name, "good", comment)
                .with("kind", kind)
                .with("acks", control.acks.len())
                .with("mail", mail.len())
                .with("rewrite", "same")
                .body(written(&control, mail)),
        );
    };
    ours("plain", "what every letter says", plain(), MAIL);
    ours(
        "nothing_seen",
        "0 is written when nothing was seen",
        Control { card_seen: Default::default(), offer_seen: Default::default(), ..plain() },
        MAIL,
    );
    ours("empty_mail", "control data alone", Control { kind: Kind::Control, ..plain() }, b"");
    ours("cover", "a cover conversation's", Control { kind: Kind::Cover, ..plain() }, MAIL);
    ours("bytes", "mail is bytes", plain(), b"Subject: caf\xe9\n\n\0\xff\r\n");
    ours("full", "every optional key", full(), MAIL);
    ours("statement", "what a keeper says of a group to one invited", stating(statement()), b"");
    let alone = Statement { heard: None, own: Register::default(), ..statement() };
    ours("statement_empty", "one who says nothing yet", stating(alone), b"");
    ours("introduction", "the card of one of a group", introducing(), b"");
    let mut dice = Dice::new("acks");
    let acks = (0..256).map(|_| LetterId::generate(&mut dice)).collect();
    ours("acks_256", "the most", Control { acks, ..plain() }, b"");
    let nodes = vec![format!("https://{}", "a".repeat(72)); 3];
    let most = Offer { nodes, ..offer() };
    ours("nodes_240", "three nodes, 240 bytes", Control { offer: Some(most), ..plain() }, b"");

    let text = control_of(&plain());
    for (name, comment, control) in [
        ("unknown_kind", "an unknown kind is mail", format!("{text}kind = \"parcel\"\n")),
        ("kind_mail", "may be said", format!("{text}kind = \"mail\"\n")),
        ("unknown_key", "a key of a later version", format!("{text}later = 1\n")),
        ("unknown_table", "a table of a later version", format!("{text}[later]\na = 1\n")),
        ("comment", "TOML has comments", format!("# hello\n{text}")),
        (
            "control_32_kib",
            "the longest",
            format!("{text}#{}", "x".repeat((32 << 10) - text.len() - 1)),
        ),
    ] {
        let vector = vector(name, "good", comment).with("kind", "mail").with("acks", 0);
        all.push(vector.with("mail", MAIL.len()).body(sealed(control.as_bytes(), MAIL)));
    }
    all
}

pub fn first_lines() -> Vec<Vector> {
    let text = String::from_utf8(written(&plain(), MAIL)).expect("UTF-8");
    let (line, rest) = text.split_once('\n').expect("a first line");
    let words: Vec<&str> = line.split(' ').collect();
    let (mac, length) = (words[1], words[2]);
    // The last of 43 digits of 32 bytes has two bits that must be zero.
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let last = digits.find(&mac[42..]).expect("a digit");
    let trailing = format!("{}{}", &mac[..42], &digits[last + 1..last + 2]);
    let mut all = Vec::new();
    let mut add = |name: &str, expect: &str, comment: &str, line: String| {
        all.push(vector(name, expect, comment).body(format!("{line}\n{rest}")));
    };
    let mut bad = |name: &str, comment: &str, line: String| add(name, "FirstLine", comment, line);
    bad("other_name", "another name", format!("post-letter/1 {mac} {length}"));
    bad("version_2", "another version", format!("poste-letter/2 {mac} {length}"));
    bad("length_leading_zero", "no leading zero", format!("poste-letter/1 {mac} 0{length}"));
    bad("length_plus", "no sign", format!("poste-letter/1 {mac} +{length}"));
    bad("length_hex", "decimal digits", format!("poste-letter/1 {mac} 0xff"));
    bad("length_none", "two words", format!("poste-letter/1 {mac}"));
    bad("length_empty", "no digits", format!("poste-letter/1 {mac} "));
    bad("length_zero", "a length of 0 has a leading zero", format!("poste-letter/1 {mac} 0"));
    bad("two_spaces", "one space between words", format!("poste-letter/1 {mac}  {length}"));
    bad("space_after", "nothing follows", format!("poste-letter/1 {mac} {length} "));
    bad("fourth_word", "a word too many", format!("poste-letter/1 {mac} {length} x"));
    bad("cr", "the line ends in LF", format!("poste-letter/1 {mac} {length}\r"));
    bad("tab", "a tab is no space", format!("poste-letter/1\t{mac} {length}"));
    bad("mac_padded", "base64 is unpadded", format!("poste-letter/1 {mac}= {length}"));
    bad("mac_trailing_bits", "base64 is canonical", format!("poste-letter/1 {trailing} {length}"));
    bad("mac_short", "42 digits", format!("poste-letter/1 {} {length}", &mac[1..]));
    bad("mac_hex", "base64 it is", format!("poste-letter/1 {} {length}", "ab".repeat(32)));
    bad("long_line", "80 bytes without a line end", "x".repeat(200));
    let over = rest.len() + 1;
    add("length_over", "Length", "more than there is", format!("poste-letter/1 {mac} {over}"));
    let long = format!("{}#{}", control_of(&plain()), "x".repeat(32 << 10));
    let long = sealed(&long.as_bytes()[..(32 << 10) + 1], MAIL);
    all.push(vector("control_over_32_kib", "Length", "one byte more").body(long));
    all.push(vector("empty", "FirstLine", "nothing at all"));
    all.push(vector("no_line_end", "FirstLine", "a first line alone").body(line));
    all
}

pub fn controls() -> Vec<Vector> {
    let text = control_of(&plain());
    let whole = control_of(&full());
    let mut all = Vec::new();
    for line in text.lines() {
        let key = line.split(' ').next().expect("a key");
        let without = text.replace(&format!("{line}\n"), "");
        let made = vector(&format!("without_{key}"), "Control", "a required key is missing");
        all.push(made.body(sealed(without.as_bytes(), MAIL)));
    }
    let mut add = |name: &str, expect: &str, comment: &str, control: &[u8]| {
        all.push(vector(name, expect, comment).body(sealed(control, MAIL)));
    };
    let set = |text: &str, key: &str, value: &str| {
        let begins = format!("{key} = ");
        assert_eq!(text.lines().filter(|l| l.starts_with(&begins)).count(), 1, "{key}");
        let line = |l: &str| match l.starts_with(&begins) {
            true => format!("{key} = {value}\n"),
            false => format!("{l}\n"),
        };
        text.lines().map(line).collect::<String>()
    };
    let control = plain();
    let (id, from) = (control.id.to_string(), control.from.to_string());
    let q = |text: &str| format!("\"{text}\"");
    for (name, comment, key, value) in [
        ("id_upper", "hex is lower case", "id", q(&id.to_uppercase())),
        ("id_short", "31 digits", "id", q(&id[1..])),
        ("id_long", "33 digits", "id", q(&format!("{id}0"))),
        ("from_upper", "hex is lower case", "from", q(&from.to_uppercase())),
        ("from_short", "63 digits", "from", q(&from[1..])),
        ("date_negative", "before 1970", "date", "-1".into()),
        ("date_year_10000", "no such year", "date", "253402300800".into()),
        ("date_quoted", "a number is no string", "date", q("1")),
        ("date_float", "whole seconds", "date", "1.5".into()),
        ("day_quoted", "a date is no string", "day", q("2026-11-22")),
        ("day_february", "no such day", "day", "2026-02-29".into()),
        ("day_moment", "a date has no time", "day", "2026-11-22T00:00:00Z".into()),
        ("card_seen_negative", "before 1970", "card_seen", "-1".into()),
        ("offer_seen_text", "a number", "offer_seen", q("none")),
    ] {
        add(name, "Control", comment, set(&text, key, &value).as_bytes());
    }
    add("kind_number", "Control", "a kind is a string", format!("{text}kind = 1\n").as_bytes());
    add("key_twice", "Control", "a key given twice", format!("{text}date = 1\n").as_bytes());
    add("not_toml", "Control", "no value", format!("{text}later =\n").as_bytes());
    add("not_utf8", "Control", "not UTF-8", &[text.as_bytes(), b"# \xe9\n"].concat());
    let mut dice = Dice::new("acks");
    let ids: Vec<_> = (0..257).map(|_| q(&LetterId::generate(&mut dice).to_string())).collect();
    let acks = format!("{text}acks = [{}]\n", ids.join(", "));
    add("acks_257", "Field(acks)", "257 acknowledgements", acks.as_bytes());
    let acks = format!("{text}acks = [{}]\n", ids[0].to_uppercase());
    add("ack_upper", "Control", "hex is lower case", acks.as_bytes());
    let card = format!("{text}card = \"{}\"\n", "x".repeat((16 << 10) + 1));
    add("card_long", "Field(card)", "16 KiB and one byte", card.as_bytes());
    let stamp = |value: &str| set(&whole, "stamp", &q(value));
    add("stamp_short", "Field(stamp)", "15 digits", stamp("0123456789abcde").as_bytes());
    add("stamp_upper", "Field(stamp)", "hex is lower case", stamp("0123456789ABCDEF").as_bytes());

    let nodes = |list: &[String]| {
        let list: Vec<String> = list.iter().map(|node| q(node)).collect();
        set(&whole, "nodes", &format!("[{}]", list.join(", ")))
    };
    let field = "Field(offer's nodes)";
    let four = nodes(&vec!["https://a.example".into(); 4]);
    add("nodes_4", field, "four nodes", four.as_bytes());
    let long = nodes(&[format!("https://{}", "a".repeat(233))]);
    add("nodes_241", field, "241 bytes", long.as_bytes());
    add("node_bare", field, "no scheme", nodes(&["a.example".into()]).as_bytes());
    add("node_spaced", field, "a space in it", nodes(&["https://a b".into()]).as_bytes());
    let field = "Field(offer's prekey)";
    let prekey = |bytes: &[u8]| set(&whole, "prekey", &q(&base64(bytes)));
    let mut bytes = *offer().prekey.as_bytes();
    add("prekey_short", field, "1215 bytes", prekey(&bytes[1..]).as_bytes());
    let padded = set(&whole, "prekey", &q(&format!("{}==", base64(&bytes))));
    add("prekey_padded", field, "base64 is unpadded", padded.as_bytes());
    (bytes[0], bytes[1]) = (0x01, bytes[1] & 0xf0 | 0x0d);
    let comment = "a coefficient of 3329, which is the modulus";
    add("prekey_modulus", field, comment, prekey(&bytes).as_bytes());
    let mut bytes = *offer().prekey.as_bytes();
    bytes[1184..].fill(0);
    add("prekey_small_order", field, "its X25519 half", prekey(&bytes).as_bytes());
    let secret = |text: &str| set(&whole, "secret", &q(text));
    let good = base64(offer().secret.expose());
    add("secret_short", "Control", "31 bytes", secret(&base64(&[1; 31])).as_bytes());
    add("secret_padded", "Control", "base64 is unpadded", secret(&format!("{good}=")).as_bytes());
    let mut lines: Vec<&str> = whole.lines().collect();
    lines.retain(|line| !line.starts_with("made = "));
    let unmade = lines.join("\n");
    add("offer_without_made", "Control", "an offer has a version", unmade.as_bytes());
    add("seed_short", "Control", "31 bytes", set(&whole, "seed", &q(&base64(&[1; 31]))).as_bytes());

    for (name, expect, comment, key, value) in [
        ("enclosure_of_none", "Field(enclosure)", "no cells", "cells", "0".to_owned()),
        ("enclosure_65536", "Control", "too many cells", "cells", "65536".to_owned()),
        ("enclosure_hash", "Field(enclosure)", "31 bytes", "sha256", q(&base64(&[1; 31]))),
        ("enclosure_key", "Field(enclosure)", "a classical key", "key", q("AGE-SECRET-KEY-1QQQ")),
        ("want_padded", "Field(want)", "base64 is unpadded", "missing", q("oA==")),
        ("want_trailing_bits", "Field(want)", "base64 is canonical", "missing", q("oB")),
        ("want_long", "Field(want)", "more than 65,535 bits", "missing", q(&base64(&[0; 8193]))),
        ("group_hash", "Field(group)", "31 bytes", "hash", q(&base64(&[1; 31]))),
        ("group_version", "Control", "an integer", "version", q("2")),
        ("group_version_negative", "Control", "not negative", "version", "-2".to_owned()),
    ] {
        add(name, expect, comment, set(&whole, key, &value).as_bytes());
    }
    all
}

pub fn macs() -> Vec<Vector> {
    let (alice, bob) = people();
    let good = written(&plain(), MAIL);
    let text = String::from_utf8(good.clone()).expect("UTF-8");
    let mut all = Vec::new();
    let mut add = |name: &str, comment: &str, body: Vec<u8>| {
        all.push(vector(name, "Mac", comment).body(body));
    };
    let mut first = good.clone();
    first[16] = if first[16] == b'A' { b'B' } else { b'A' };
    add("mac_other", "a changed MAC", first);
    add("changed_mail", "the mail is under it", text.replace("at one", "at two").into_bytes());
    add(
        "changed_control",
        "so is the control data",
        text.replace("card_seen = 1", "card_seen = 2").into_bytes(),
    );
    add("cut", "a byte less", good[..good.len() - 1].to_vec());
    add("added", "a byte more", [&good[..], b"\n"].concat());
    let yesterday = mac_key(alice, bob, today().minus(1));
    let other = plain().write(MAIL, &yesterday).expect("admissible").to_vec();
    add("other_day", "made with another day's key", other);
    let back = plain().write(MAIL, &mac_key(bob, alice, today())).expect("admissible").to_vec();
    add("other_direction", "made with the key of the answer", back);
    all
}
