//! Control data as TOML: reading with every limit, and writing. Unknown keys are ignored, so that
//! later versions may add some; known ones must be admissible.
//! Specified in poste-protocol(7), Letter.

use crate::core::card::{Disclosed, LIMIT as CARD_LIMIT};
use crate::core::encode::{base64, unbase64, unbase64_vec};
use crate::core::hybrid::{HybridPublic, HybridSecret};
use crate::core::keys::{EnclosureId, Fingerprint, GroupId, LetterId, PairSecret, Seed};
use crate::core::letter::matter::{RawIntroduction, RawStatement};
use crate::core::letter::{
    BadLetter, Control, Enclosure, Group, Kind, MOST_ACKS, MOST_NODES, NODES_LENGTH, Offer, Want,
};
use crate::core::stamp::Stamp;
use crate::core::time::{Day, Time};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Bytes of a bitmap of 65,535 cells.
const BITMAP: usize = 8192;

#[derive(Serialize, Deserialize)]
struct Raw {
    id: LetterId,
    from: Fingerprint,
    date: Time,
    day: Day,
    card_seen: Time,
    offer_seen: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    acks: Vec<LetterId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stamp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    card: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offer: Option<RawOffer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disclosed: Option<RawDisclosed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enclosure: Option<RawEnclosure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    want: Option<RawWant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<RawGroup>,
    #[serde(skip_serializing_if = "Option::is_none")]
    introduction: Option<RawIntroduction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<RawStatement>,
}

#[derive(Serialize, Deserialize)]
struct RawOffer {
    made: Time,
    prekey: String,
    secret: PairSecret,
    #[serde(default)]
    nodes: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct RawDisclosed {
    date: Day,
    seed: Seed,
}

#[derive(Serialize, Deserialize)]
struct RawEnclosure {
    id: EnclosureId,
    cells: u16,
    sha256: String,
    key: Zeroizing<String>,
}

#[derive(Serialize, Deserialize)]
struct RawWant {
    id: EnclosureId,
    missing: String,
}

#[derive(Serialize, Deserialize)]
struct RawGroup {
    id: GroupId,
    version: u64,
    hash: String,
}

/// The control data as text, checked like received ones.
pub fn write(control: &Control) -> Result<Zeroizing<String>, BadLetter> {
    let offer = |o: &Offer| RawOffer {
        made: o.made,
        prekey: base64(o.prekey.as_bytes()),
        secret: o.secret.clone(),
        nodes: o.nodes.clone(),
    };
    let raw = Raw {
        id: control.id,
        from: control.from,
        date: control.date,
        day: control.day,
        card_seen: control.card_seen,
        offer_seen: control.offer_seen,
        kind: match control.kind {
            Kind::Mail => None,
            Kind::Control => Some("control".into()),
            Kind::Cover => Some("cover".into()),
        },
        acks: control.acks.clone(),
        stamp: control.stamp.map(|stamp| stamp.text()),
        card: control.card.clone(),
        offer: control.offer.as_ref().map(offer),
        disclosed: control
            .disclosed
            .as_ref()
            .map(|d| RawDisclosed { date: d.date, seed: d.seed.clone() }),
        enclosure: control.enclosure.as_ref().map(|e| RawEnclosure {
            id: e.id,
            cells: e.cells,
            sha256: base64(&e.sha256),
            key: e.key.to_text(),
        }),
        want: control.want.as_ref().map(|w| RawWant { id: w.id, missing: base64(&w.missing) }),
        group: control.group.as_ref().map(|g| RawGroup {
            id: g.id,
            version: g.version,
            hash: base64(&g.hash),
        }),
        introduction: control.introduction.as_deref().map(RawIntroduction::from),
        statement: control.statement.as_deref().map(RawStatement::from),
    };
    let text = toml::to_string(&raw).map_err(|e| BadLetter::Control(e.to_string()))?;
    check(&raw)?;
    Ok(Zeroizing::new(text))
}

/// Reads control data.
pub fn read(bytes: &[u8]) -> Result<Control, BadLetter> {
    let bad = |why: String| BadLetter::Control(why);
    let text = std::str::from_utf8(bytes).map_err(|_| bad("not UTF-8".into()))?;
    let raw: Raw = toml::from_str(text).map_err(|e| bad(e.message().to_owned()))?;
    check(&raw)?;
    Ok(Control {
        id: raw.id,
        from: raw.from,
        date: raw.date,
        day: raw.day,
        card_seen: raw.card_seen,
        offer_seen: raw.offer_seen,
        kind: match raw.kind.as_deref() {
            Some("control") => Kind::Control,
            Some("cover") => Kind::Cover,
            _ => Kind::Mail,
        },
        acks: raw.acks,
        offer: raw.offer.map(offer).transpose()?,
        disclosed: raw.disclosed.map(|d| Disclosed { date: d.date, seed: d.seed }),
        card: raw.card,
        enclosure: raw.enclosure.map(enclosure).transpose()?,
        want: raw.want.map(want).transpose()?,
        group: raw.group.map(group).transpose()?,
        statement: raw.statement.map(RawStatement::read).transpose()?.map(Box::new),
        introduction: raw.introduction.map(RawIntroduction::read).transpose()?.map(Box::new),
        stamp: raw
            .stamp
            .map(|text| Stamp::parse(&text).ok_or(BadLetter::Field("stamp")))
            .transpose()?,
    })
}

/// The limits that hold both for what is read and for what is written.
fn check(raw: &Raw) -> Result<(), BadLetter> {
    let must = |holds: bool, field| if holds { Ok(()) } else { Err(BadLetter::Field(field)) };
    must(raw.acks.len() <= MOST_ACKS, "acks")?;
    must(raw.card.as_ref().is_none_or(|card| card.len() <= CARD_LIMIT), "card")?;
    if let Some(offer) = &raw.offer {
        let length: usize = offer.nodes.iter().map(String::len).sum();
        must(offer.nodes.len() <= MOST_NODES && length <= NODES_LENGTH, "offer's nodes")?;
        let is_url =
            |node: &String| node.contains("://") && node.bytes().all(|b| b.is_ascii_graphic());
        must(offer.nodes.iter().all(is_url), "offer's nodes")?;
    }
    must(raw.enclosure.as_ref().is_none_or(|e| e.cells > 0), "enclosure")
}

fn offer(raw: RawOffer) -> Result<Offer, BadLetter> {
    let bad = BadLetter::Field("offer's prekey");
    let prekey = unbase64(&raw.prekey).map_err(|_| bad.clone())?;
    Ok(Offer {
        made: raw.made,
        prekey: HybridPublic::parse(&prekey).map_err(|_| bad)?,
        secret: raw.secret,
        nodes: raw.nodes,
    })
}

fn enclosure(raw: RawEnclosure) -> Result<Enclosure, BadLetter> {
    let bad = BadLetter::Field("enclosure");
    Ok(Enclosure {
        id: raw.id,
        cells: raw.cells,
        sha256: unbase64(&raw.sha256).map_err(|_| bad.clone())?,
        key: raw.key.parse::<HybridSecret>().map_err(|_| bad)?,
    })
}

fn want(raw: RawWant) -> Result<Want, BadLetter> {
    let missing = unbase64_vec(&raw.missing, BITMAP).map_err(|_| BadLetter::Field("want"))?;
    Ok(Want { id: raw.id, missing })
}

fn group(raw: RawGroup) -> Result<Group, BadLetter> {
    let hash = unbase64(&raw.hash).map_err(|_| BadLetter::Field("group"))?;
    Ok(Group { id: raw.id, version: raw.version, hash })
}
