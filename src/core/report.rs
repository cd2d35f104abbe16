//! What a relay tells trackers: where it is and how full. A signed TOML document in two parts, as a
//! card is: the signed part, and a trailer with the signature alone, split at the last line
//! `[signature]` and parsed apart. It proves that whoever has the node's key has said so, and no
//! more: that the node is where it says a tracker finds out for itself.
//! Specified in poste-protocol(7), Tracker.

use crate::core::card::last_mark;
use crate::core::encode::{base64, unbase64};
use crate::core::nodes::URL_LENGTH;
use crate::core::prim;
use crate::core::time::Time;
use serde::{Deserialize, Serialize};

/// Bytes of a report at most.
pub const LIMIT: usize = 4 << 10;

const LABEL: &[u8] = b"poste/1 report\n";

/// What a relay says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Where the world reaches it; printable ASCII of at most 256 bytes.
    pub url: String,
    /// Its Ed25519 public key.
    pub key: [u8; 32],
    /// The largest of the shares of store, bandwidth and connections in use, 0.0 to 1.0.
    pub saturation: f64,
    /// When it was signed, and so its version.
    pub time: Time,
}

/// The rule that a report breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadReport {
    /// Longer than 4 KiB, not UTF-8, or with a carriage return.
    #[error("not a text of at most 4 KiB with LF line ends")]
    NotText,
    /// No line `[signature]`.
    #[error("it has no line [signature]")]
    NoSignature,
    /// The signed part is no TOML of a report, with the parser's reason.
    #[error("its signed part does not parse: {0}")]
    Signed(String),
    /// The trailer holds more than a signature, with the parser's reason.
    #[error("its trailer does not parse: {0}")]
    Trailer(String),
    /// The contents of a field are not admissible.
    #[error("its {0} is not admissible")]
    Field(&'static str),
    /// The signature is not that of the key in the report.
    #[error("its signature does not hold")]
    Signature,
}

#[derive(Serialize, Deserialize)]
struct Raw {
    poste: u8,
    url: String,
    key: String,
    saturation: f64,
    time: Time,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTrailer {
    signature: RawSignature,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSignature {
    ed25519: String,
}

impl Report {
    /// The document, signed by `sign`, which gets the message to be signed with the secret half of
    /// `key`. The fields must be admissible.
    pub fn write(&self, sign: impl FnOnce(&[u8]) -> [u8; 64]) -> String {
        let raw = Raw {
            poste: 1,
            url: self.url.clone(),
            key: base64(&self.key),
            saturation: self.saturation,
            time: self.time,
        };
        let signed = toml::to_string(&raw).expect("a report is texts and numbers");
        let signature = sign(&message(&signed));
        format!("{signed}[signature]\ned25519 = \"{}\"\n", base64(&signature))
    }

    /// Reads a report and checks everything that it must satisfy by itself. Unknown keys of the
    /// signed part are ignored, so that later versions may add some.
    pub fn read(bytes: &[u8]) -> Result<Report, BadReport> {
        if bytes.len() > LIMIT || bytes.contains(&b'\r') {
            return Err(BadReport::NotText);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| BadReport::NotText)?;
        let split = last_mark(text).ok_or(BadReport::NoSignature)?;
        let (signed, trailer) = text.split_at(split);
        let trailer: RawTrailer =
            toml::from_str(trailer).map_err(|e| BadReport::Trailer(e.message().to_owned()))?;
        let raw: Raw =
            toml::from_str(signed).map_err(|e| BadReport::Signed(e.message().to_owned()))?;
        let must = |holds: bool, field| if holds { Ok(()) } else { Err(BadReport::Field(field)) };
        must(raw.poste == 1, "version")?;
        must(is_url(&raw.url), "url")?;
        must((0.0..=1.0).contains(&raw.saturation), "saturation")?;
        let key = unbase64(&raw.key).map_err(|_| BadReport::Field("key"))?;
        let signature: [u8; 64] =
            unbase64(&trailer.signature.ed25519).map_err(|_| BadReport::Signature)?;
        if !prim::ed25519_holds(&key, &message(signed), &signature) {
            return Err(BadReport::Signature);
        }
        Ok(Report { url: raw.url, key, saturation: raw.saturation, time: raw.time })
    }
}

fn message(signed: &str) -> Vec<u8> {
    [LABEL, signed.as_bytes()].concat()
}

/// Enough for a report, and for the list that it may come into: what may be fetched is decided by
/// whoever fetches.
fn is_url(url: &str) -> bool {
    let known = url.starts_with("https://") || url.starts_with("http://");
    known && url.len() <= URL_LENGTH && url.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: [u8; 32] = [7; 32];

    fn report() -> Report {
        Report {
            url: "https://relay.example".to_owned(),
            key: prim::ed25519_public(&SEED),
            saturation: 0.37,
            time: Time::from_unix(1_795_356_000),
        }
    }

    fn sign(message: &[u8]) -> [u8; 64] {
        prim::ed25519_sign(&SEED, message)
    }

    #[test]
    fn a_report_reads_as_it_was_written() {
        for saturation in [0.0, 0.01, 0.37, 1.0] {
            let report = Report { saturation, ..report() };
            assert_eq!(Report::read(report.write(sign).as_bytes()), Ok(report));
        }
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let text = report().write(sign);
        for bit in 0..text.len() * 8 {
            let mut bad = text.clone().into_bytes();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Report::read(&bad).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_card_or_a_report_of_another_key_is_none() {
        let card = crate::core::card::tests::parts();
        let card = card.0.sign(&card.1, None).unwrap();
        assert!(matches!(Report::read(card.text().as_bytes()), Err(BadReport::Signed(_))));
        let foreign = report().write(|message| prim::ed25519_sign(&[8; 32], message));
        assert_eq!(Report::read(foreign.as_bytes()), Err(BadReport::Signature));
        let as_card = report().write(|m| sign(&[b"poste/1 card\n", &m[LABEL.len()..]].concat()));
        assert_eq!(Report::read(as_card.as_bytes()), Err(BadReport::Signature));
    }
}
