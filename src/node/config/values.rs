//! Values of posted.toml that are more than a text or a number, each with the error that names its
//! key. A value that cannot be is refused here, so that nothing else has to look again.
//! Specified in posted(8), CONFIGURATION.

use crate::node::callers::Range;
use crate::node::log::Log;
use crate::node::reporter;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

pub(super) fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    if name.chars().count() > 64 || name.chars().any(char::is_control) {
        return Err(D::Error::custom("name: at most 64 printable characters"));
    }
    Ok(name)
}

pub(super) fn log<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Log, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "info" => Ok(Log::All),
        "error" => Ok(Log::Errors),
        _ => Err(D::Error::custom("log: \"info\" or \"error\"")),
    }
}

pub(super) fn connections<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    match u32::deserialize(deserializer)? {
        n @ 1..=1_000_000 => Ok(n as usize),
        _ => Err(D::Error::custom("connections: from 1 to 1000000")),
    }
}

pub(super) fn proxies<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Range>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    if texts.len() > 1024 {
        return Err(D::Error::custom("proxies: at most 1024"));
    }
    let range = |text: &String| text.parse().map_err(|e| format!("proxies: \"{text}\": {e}"));
    texts.iter().map(range).collect::<Result<_, _>>().map_err(D::Error::custom)
}

pub(super) fn capacity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    size("capacity", deserializer)
}

pub(super) fn upload_per_hour<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    size("upload_per_hour", deserializer).map(Some)
}

pub(super) fn ban_floor<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    size("ban_floor", deserializer).map(Some)
}

pub(super) fn bandwidth<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    size("bandwidth", deserializer).map(Some)
}

/// A number of bytes, or a text such as `"512 MiB"`.
fn size<'de, D: Deserializer<'de>>(key: &str, deserializer: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Size {
        Bytes(u64),
        Text(String),
    }
    let bytes = match Size::deserialize(deserializer) {
        Ok(Size::Bytes(bytes)) => Some(bytes),
        Ok(Size::Text(text)) => text.split_once(' ').and_then(|(number, unit)| {
            let shift = match unit {
                "KiB" => 10,
                "MiB" => 20,
                "GiB" => 30,
                _ => return None,
            };
            number.parse::<u64>().ok()?.checked_mul(1 << shift)
        }),
        Err(_) => None,
    };
    // Positions in a bucket are counted in 32 bits.
    match bytes {
        Some(bytes @ 1_048_576..=17_592_186_040_320) => Ok(bytes),
        _ => {
            let wanted = "bytes, or a text such as \"512 MiB\"; at least 1 MiB";
            Err(D::Error::custom(format!("{key}: {wanted}")))
        }
    }
}

pub(super) fn put_per_day<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    match u32::deserialize(deserializer)? {
        n @ 1..=1_000_000 => Ok(Some(n.into())),
        _ => Err(D::Error::custom("put_per_day: from 1 to 1000000")),
    }
}

pub(super) fn trackers<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<String>, D::Error> {
    let urls = Vec::<String>::deserialize(deserializer)?;
    if urls.len() > 16 {
        return Err(D::Error::custom("trackers: at most 16"));
    }
    for url in &urls {
        let wrong = |why| D::Error::custom(format!("trackers: \"{url}\": {why}"));
        reporter::address(url).map_err(wrong)?;
    }
    Ok(urls)
}
