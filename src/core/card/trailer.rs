//! The trailer of a card: from the last line `[signature]` on. It is not signed and may hold a
//! signature and a disclosed seed, nothing else; the seed proves itself.
//! Specified in poste-protocol(7), Card.

use crate::core::card::{BadCard, Disclosed};
use crate::core::encode::{base64, unbase64};
use crate::core::keys::Seed;
use crate::core::time::Day;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    signature: RawSignature,
    disclosed: Option<RawDisclosed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSignature {
    ed25519: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDisclosed {
    date: Day,
    seed: Seed,
}

/// The trailer's text.
pub fn write(signature: &[u8; 64], disclosed: Option<&Disclosed>) -> String {
    let mut out = format!("[signature]\ned25519 = \"{}\"\n", base64(signature));
    if let Some(Disclosed { date, seed }) = disclosed {
        out += &format!("[disclosed]\ndate = {date}\nseed = \"{}\"\n", base64(seed.expose()));
    }
    out
}

/// Reads a trailer.
pub fn read(text: &str) -> Result<([u8; 64], Option<Disclosed>), BadCard> {
    let raw: Raw = toml::from_str(text).map_err(|e| BadCard::Trailer(e.message().to_owned()))?;
    let signature = unbase64(&raw.signature.ed25519).map_err(|_| BadCard::Signature)?;
    let disclosed = raw.disclosed.map(|raw| Disclosed { date: raw.date, seed: raw.seed });
    Ok((signature, disclosed))
}
