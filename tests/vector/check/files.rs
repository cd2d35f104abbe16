//! Verdicts on cards, reports, cells, letters and filed messages.

use super::{agreed, mac_keys};
use crate::vector::Vector;
use poste::core::bucket::Bucket;
use poste::core::card::{BadCard, SignedCard};
use poste::core::cell::{self, Cell, Chunk, Kind};
use poste::core::encode::{base64, hex};
use poste::core::filed::{self, Filed};
use poste::core::keys::{DhSecret, PairSecret, SignSecret};
use poste::core::letter::{self, BadLetter, Letter};
use poste::core::prim;
use poste::core::random::Random;
use poste::core::report::{BadReport, Report};
use poste::core::time::Time;

pub fn report(vector: &Vector) -> String {
    let report = match Report::read(&vector.body) {
        Ok(report) => report,
        Err(BadReport::Field(field)) => return format!("Field({field})"),
        Err(BadReport::Signed(_)) => return "Signed".into(),
        Err(BadReport::Trailer(_)) => return "Trailer".into(),
        Err(rule) => return format!("{rule:?}"),
    };
    vector.says("url", &report.url);
    vector.says("key", base64(&report.key));
    vector.says("saturation", report.saturation);
    vector.says("time", report.time.unix());
    if vector.get("sign-secret").is_some() {
        let secret = vector.bytes32("sign-secret");
        let again = report.write(|message| prim::ed25519_sign(&secret, message));
        assert_eq!(again.as_bytes(), vector.body, "{}", vector.name);
    }
    "good".into()
}

pub fn card(vector: &Vector, all: &[Vector]) -> String {
    let card = match SignedCard::parse(&vector.body) {
        Ok(card) => card,
        Err(BadCard::Field(field)) => return format!("Field({field})"),
        Err(BadCard::Signed(_)) => return "Signed".into(),
        Err(BadCard::Trailer(_)) => return "Trailer".into(),
        Err(rule) => return format!("{rule:?}"),
    };
    vector.says("fingerprint", card.card.fingerprint());
    assert_eq!(vector.get("disclosed").is_some(), {
        let shown = card.disclosed.as_ref().map(|d| vector.says("disclosed", d.date));
        shown.is_some() && vector.get("pinned").is_none()
    });
    assert_eq!(card.text().as_bytes(), vector.body);
    if vector.get("rewrite").is_some() {
        let secret = SignSecret::from_bytes(vector.bytes32("sign-secret"));
        let again = card.card.sign(&secret, card.disclosed.as_ref()).unwrap();
        assert_eq!(again.text().as_bytes(), vector.body, "{}", vector.name);
    }
    let Some(pinned) = vector.get("pinned") else { return "good".into() };
    let seen = vector.get("seen").map(|name| {
        let seen = all.iter().find(|v| v.folder == "card" && v.name == name).unwrap();
        SignedCard::parse(&seen.body).unwrap()
    });
    let now = Time::from_unix(vector.one("now").parse().unwrap());
    match card.check(pinned.parse().unwrap(), seen.as_ref(), now) {
        Ok(()) => "good".into(),
        Err(rule) => format!("{rule:?}"),
    }
}

pub fn letter(vector: &Vector) -> String {
    let letter = match Letter::read(&vector.body) {
        Ok(letter) => letter,
        Err(BadLetter::Field(field)) => return format!("Field({field})"),
        Err(BadLetter::Control(_)) => return "Control".into(),
        Err(rule) => return format!("{rule:?}"),
    };
    let keys = mac_keys(vector).unwrap();
    if !agreed(&keys, |key| letter.holds(key)) {
        return "Mac".into();
    }
    let kind = match letter.control.kind {
        letter::Kind::Control => "control",
        letter::Kind::Cover => "cover",
        letter::Kind::Mail => "mail",
    };
    vector.says("kind", kind);
    vector.says("acks", letter.control.acks.len());
    vector.says("mail", letter.mail.len());
    if vector.get("rewrite").is_some() {
        let again = letter.control.write(letter.mail, &keys[1]).unwrap();
        assert_eq!(*again, vector.body, "{}", vector.name);
    }
    "good".into()
}

pub fn filed(vector: &Vector) -> String {
    let Ok(message) = Filed::read(&vector.body) else { return "NotFiled".into() };
    let keys = mac_keys(vector).unwrap();
    let holds = agreed(&keys, |key| message.holds(key));
    if message.unproven().is_some() {
        assert!(!holds);
        return "Unproven".into();
    }
    assert_eq!(vector.one("day"), message.head.day.to_string());
    if !holds {
        return "Mac".into();
    }
    if vector.get("rewrite").is_some() {
        let again = filed::write(&message.head, message.message(), &keys[0]).unwrap();
        assert_eq!(again, vector.body, "{}", vector.name);
    }
    "good".into()
}

pub fn cell(vector: &Vector) -> String {
    let text: String = std::str::from_utf8(&vector.body).unwrap().lines().collect();
    let cell: Cell = poste::core::encode::unhex(&text).unwrap();
    let bucket: Bucket = vector.one("bucket").parse().unwrap();
    let opened = match vector.get("secret") {
        Some(_) => {
            let secret = PairSecret::from_bytes(vector.bytes32("secret"));
            cell::open_pair(&cell, &secret, bucket, vector.one("n").parse().unwrap())
        }
        None => {
            let secret = DhSecret::from_bytes(vector.bytes32("dh-secret"));
            vector.says("dh", secret.public());
            cell::open_stranger(&cell, &secret, &secret.public(), bucket)
        }
    };
    match opened {
        None => "NotOurs".into(),
        Some(Err(rule)) => format!("{rule:?}"),
        Some(Ok(chunk)) => {
            compare(vector, &chunk);
            assert_eq!(again(vector, &chunk, bucket), cell, "{}", vector.name);
            "good".into()
        }
    }
}

fn compare(vector: &Vector, chunk: &Chunk) {
    let kind = match chunk.kind {
        Kind::Loop => "loop",
        Kind::Letter => "letter",
        Kind::Enclosure => "enclosure",
    };
    vector.says("kind", kind);
    vector.says("id", hex(&chunk.id));
    vector.says("index", chunk.index);
    vector.says("count", chunk.count);
    vector.says("length", chunk.data.len());
    vector.says("sha256", hex(&prim::sha256(&[&chunk.data])));
}

/// The cell made again from its contents and the bytes that were drawn for it.
fn again(vector: &Vector, chunk: &Chunk, bucket: Bucket) -> Cell {
    let digits = vector.one("digits").parse().unwrap();
    let mut drawn = Drawn(data_encoding::HEXLOWER.decode(vector.one("drawn").as_bytes()).unwrap());
    let cell = match vector.get("secret") {
        Some(_) => {
            let secret = PairSecret::from_bytes(vector.bytes32("secret"));
            let n = vector.one("n").parse().unwrap();
            cell::pair(&secret, bucket, n, digits, chunk, &mut drawn)
        }
        None => {
            let to = vector.one("dh").parse().unwrap();
            cell::stranger(&to, bucket, digits, chunk, &mut drawn)
        }
    };
    assert!(drawn.0.is_empty());
    cell
}

/// Bytes that were drawn once before.
struct Drawn(Vec<u8>);

impl Random for Drawn {
    fn fill(&mut self, out: &mut [u8]) {
        let rest = self.0.split_off(out.len());
        out.copy_from_slice(&self.0);
        self.0 = rest;
    }
}
