//! The signed part of a card: writing it, and reading it with every limit. Unknown keys are
//! ignored, so that later versions may add some; known ones must be admissible.
//! Specified in poste-protocol(7), Card.

use crate::core::bucket::{Class, Prefix};
use crate::core::card::{BadCard, Card, MOST_DAYS, MOST_RETIRED, Retired};
use crate::core::encode::{base64, unbase64};
use crate::core::hybrid::HybridPublic;
use crate::core::keys::{DhPublic, Seed, SignPublic};
use crate::core::printable::is_printable;
use crate::core::stamp::MOST_BITS;
use crate::core::time::{Day, Time};
use serde::{Deserialize, Serialize};

/// Urls and nodes at most, each of at most 256 bytes.
const MOST_URLS: usize = 8;
const URL_LENGTH: usize = 256;
const NAME_LENGTH: usize = 64;

#[derive(Serialize, Deserialize)]
struct Raw {
    poste: u8,
    issued: Time,
    expires: Time,
    #[serde(default)]
    name: String,
    sign: SignPublic,
    series: Time,
    dh: DhPublic,
    first_day: Day,
    days: Vec<DhPublic>,
    prekey: String,
    prekey_until: Day,
    #[serde(default)]
    urls: Vec<String>,
    #[serde(default)]
    nodes: Vec<String>,
    listen: String,
    class: String,
    #[serde(default)]
    stamp_bits: u8,
    #[serde(default)]
    cover: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    retired: Vec<RawRetired>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    end: bool,
}

#[derive(Serialize, Deserialize)]
struct RawRetired {
    series: Time,
    dh: DhPublic,
    date: Day,
    seed: Seed,
}

/// The text to be signed, ending in LF.
pub fn write(card: &Card) -> String {
    let retired =
        |r: &Retired| RawRetired { series: r.series, dh: r.dh, date: r.date, seed: r.seed.clone() };
    let raw = Raw {
        poste: 1,
        issued: card.issued,
        expires: card.expires,
        name: card.name.clone(),
        sign: card.sign,
        series: card.series,
        dh: card.dh,
        first_day: card.first_day,
        days: card.days.clone(),
        prekey: base64(card.prekey.as_bytes()),
        prekey_until: card.prekey_until,
        urls: card.urls.clone(),
        nodes: card.nodes.clone(),
        listen: card.listen.to_string(),
        class: card.class.name().to_owned(),
        stamp_bits: card.stamp_bits,
        cover: card.cover,
        retired: card.retired.iter().map(retired).collect(),
        end: card.end,
    };
    toml::to_string(&raw).expect("a card holds nothing that TOML cannot write")
}

/// Reads and checks the text that was signed.
pub fn read(text: &str) -> Result<Card, BadCard> {
    let raw: Raw = toml::from_str(text).map_err(|e| BadCard::Signed(e.message().to_owned()))?;
    let must = |holds: bool, field| if holds { Ok(()) } else { Err(BadCard::Field(field)) };
    must(raw.poste == 1, "version")?;
    must(raw.issued <= raw.expires, "expires")?;
    must(raw.name.chars().count() <= NAME_LENGTH && raw.name.chars().all(is_printable), "name")?;
    must((1..=MOST_DAYS).contains(&raw.days.len()), "list of days")?;
    must(are_urls(&raw.urls), "urls")?;
    must(are_urls(&raw.nodes), "nodes")?;
    must(raw.stamp_bits <= MOST_BITS, "stamp_bits")?;
    must(raw.retired.len() <= MOST_RETIRED, "retired")?;
    must(raw.retired.iter().all(|r| r.series < raw.series), "retired")?;
    let prekey = unbase64(&raw.prekey).map_err(|_| BadCard::Field("prekey"))?;
    let retired =
        |r: RawRetired| Retired { series: r.series, dh: r.dh, date: r.date, seed: r.seed };
    Ok(Card {
        issued: raw.issued,
        expires: raw.expires,
        name: raw.name,
        sign: raw.sign,
        series: raw.series,
        dh: raw.dh,
        first_day: raw.first_day,
        days: raw.days,
        prekey: HybridPublic::parse(&prekey).map_err(|_| BadCard::Field("prekey"))?,
        prekey_until: raw.prekey_until,
        urls: raw.urls,
        nodes: raw.nodes,
        listen: raw.listen.parse::<Prefix>().map_err(|_| BadCard::Field("listen"))?,
        class: match raw.class.as_str() {
            "hourly" => Class::Hourly,
            "daily" => Class::Daily,
            _ => return Err(BadCard::Field("class")),
        },
        stamp_bits: raw.stamp_bits,
        cover: raw.cover,
        retired: raw.retired.into_iter().map(retired).collect(),
        end: raw.end,
    })
}

/// Enough for a card: printable ASCII with a scheme. What may be fetched is decided by `net`.
fn are_urls(urls: &[String]) -> bool {
    let is_url = |url: &String| {
        url.len() <= URL_LENGTH && url.contains("://") && url.bytes().all(|b| b.is_ascii_graphic())
    };
    urls.len() <= MOST_URLS && urls.iter().all(is_url)
}
