//! Verdicts on the formats that are one value each.

use super::{agreed, mac_keys};
use crate::vector::Vector;
use crate::vector::make::group::people_of;
use poste::core::bucket::{Bucket, Prefix};
use poste::core::chain::Chain;
use poste::core::encode::{base64, unhex};
use poste::core::group::{self, Register, Registers};
use poste::core::keys::{DhPublic, Fingerprint, LetterId, Seed, SignPublic};
use poste::core::stamp::Stamp;
use poste::core::time::Day;

pub fn chain(vector: &Vector) -> String {
    let day: Day = vector.one("day").parse().unwrap();
    let seed = match vector.get("disclosed-seed") {
        Some(_) => {
            let from: Day = vector.one("disclosed-day").parse().unwrap();
            let seed = Seed::from_bytes(vector.bytes32("disclosed-seed"));
            Some(seed.earlier(from.days_since(day).try_into().unwrap()))
        }
        None => {
            let first = vector.one("first").parse().unwrap();
            Chain::new(first, Seed::from_bytes(vector.bytes32("last-seed"))).seed(day)
        }
    };
    let Some(seed) = seed else { return "End".into() };
    let key = seed.day_key(day);
    vector.says("seed", base64(seed.expose()));
    vector.says("day-secret", base64(key.expose()));
    assert_eq!(vector.one("day-key"), key.public().to_string());
    "good".into()
}

pub fn auth(vector: &Vector) -> String {
    let keys = match mac_keys(vector) {
        Ok(keys) => keys,
        Err(rule) => return rule,
    };
    let mac = vector.bytes32("mac");
    let holds = match vector.get("id") {
        Some(id) => {
            let id: LetterId = id.parse().unwrap();
            agreed(&keys, |key| key.filed_holds(&id, &vector.body, &mac))
        }
        None => {
            let (control, mail) = vector.body.split_at(vector.one("control").parse().unwrap());
            agreed(&keys, |key| key.letter_holds(control, mail, &mac))
        }
    };
    if holds { "good".into() } else { "Mac".into() }
}

pub fn stamp(vector: &Vector) -> String {
    let Some(stamp) = Stamp::parse(vector.one("stamp")) else { return "Form".into() };
    assert_eq!(stamp.text(), vector.one("stamp"));
    let worth = stamp.is_worth(
        &vector.one("addressee").parse().unwrap(),
        &vector.one("author").parse().unwrap(),
        &vector.one("id").parse().unwrap(),
        vector.one("bits").parse().unwrap(),
    );
    if worth { "good".into() } else { "Work".into() }
}

pub fn bucket(vector: &Vector) -> String {
    let text = std::str::from_utf8(&vector.body).unwrap();
    if let Some(destination) = vector.get("destination") {
        let Ok(prefix) = text.parse::<Prefix>() else { return "Prefix".into() };
        assert_eq!(prefix.to_string(), text);
        let destination: [u8; 16] = unhex(destination).unwrap();
        return if prefix.matches(&destination) { "good".into() } else { "Match".into() };
    }
    let Ok(bucket) = text.parse::<Bucket>() else { return "Bucket".into() };
    assert_eq!(bucket.to_string(), text);
    vector.says("opens", bucket.opens().unix());
    vector.says("closes", bucket.closes().unix());
    vector.says("wiped", bucket.wiped().unix());
    vector.says("day", bucket.day());
    "good".into()
}

pub fn words(vector: &Vector) -> String {
    let fingerprint = match vector.one("fingerprint").parse::<Fingerprint>() {
        Ok(fingerprint) => fingerprint,
        Err(rule) => return format!("{rule:?}"),
    };
    if let Some(sign) = vector.get("sign") {
        assert_eq!(sign.parse::<SignPublic>().unwrap().fingerprint(), fingerprint);
    }
    vector.says("fingerprint", fingerprint);
    assert_eq!(vector.one("words"), fingerprint.words());
    "good".into()
}

pub fn point(vector: &Vector) -> String {
    match vector.one("point").parse::<DhPublic>() {
        Ok(point) => {
            vector.says("point", point);
            "good".into()
        }
        Err(rule) => format!("{rule:?}"),
    }
}

#[derive(serde::Deserialize)]
struct Scene {
    creator: Fingerprint,
    said: Vec<Spoken>,
}

#[derive(serde::Deserialize)]
struct Spoken {
    author: Fingerprint,
    register: Register,
}

/// Who is in a group does not depend on the order in which it was said.
pub fn group(vector: &Vector) -> String {
    let text = std::str::from_utf8(&vector.body).unwrap();
    let scene: Scene = toml::from_str(text).unwrap();
    for backwards in [false, true] {
        let mut registers = Registers::new();
        let mut said: Vec<&Spoken> = scene.said.iter().collect();
        if backwards {
            said.reverse();
        }
        for spoken in said {
            group::take(&mut registers, spoken.author, spoken.register.clone(), None);
        }
        let state = group::state(scene.creator, &registers);
        vector.says("title", &state.title);
        vector.says("people", people_of(&state));
    }
    "good".into()
}
