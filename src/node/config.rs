//! posted.toml: what a node is, where it listens and what it may use. A key that this release
//! does not know is an error that names the line and the nearest key; so is one that a later
//! release will have, since a limit that does nothing would be worse than none.
//! Specified in posted(8), CONFIGURATION.

use crate::node::callers::Range;
use crate::node::log::Log;
use crate::node::meter::Rules;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The whole file, paths made absolute to its directory.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The operator's name for the node; at most 64 printable characters.
    #[serde(default, deserialize_with = "name")]
    pub name: String,
    /// The node's Ed25519 key, made if missing.
    pub key_file: PathBuf,
    /// How much is logged.
    #[serde(default, deserialize_with = "log")]
    pub log: Log,
    /// The relay.
    pub relay: Option<RelayConfig>,
}

/// `[relay]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayConfig {
    /// Address and port.
    pub listen: SocketAddr,
    /// Under which the world reaches it.
    #[serde(default)]
    pub url: String,
    /// PEM file with the certificate and its chain.
    pub tls_cert: Option<PathBuf>,
    /// PEM file with the certificate's key.
    pub tls_key: Option<PathBuf>,
    /// Where cells lie.
    #[serde(deserialize_with = "store")]
    pub store: PathBuf,
    /// Whether the store may lie where bytes can reach a disk.
    #[serde(default)]
    pub allow_disk: bool,
    /// Bytes the store may hold in all.
    #[serde(default = "capacity_default", deserialize_with = "capacity")]
    pub capacity: u64,
    /// Connections open at a time.
    #[serde(default = "connections_default", deserialize_with = "connections")]
    pub connections: usize,
    /// Where `/healthz` and `/metrics` are served; nowhere by default.
    pub admin: Option<SocketAddr>,
    /// Bytes a network may upload in an hour; see [`RelayConfig::rules`].
    #[serde(default, deserialize_with = "upload_per_hour")]
    pub upload_per_hour: Option<u64>,
    /// Bytes a network may take whatever stands; see [`RelayConfig::rules`].
    #[serde(default, deserialize_with = "ban_floor")]
    pub ban_floor: Option<u64>,
    /// Addresses of proxies, which are believed about their clients.
    #[serde(default, deserialize_with = "proxies")]
    pub proxies: Vec<Range>,
    /// Whether connections from proxies and loopback begin with a PROXY header.
    #[serde(default)]
    pub proxy_protocol: bool,
}

impl RelayConfig {
    /// What a network may take and bring. Where all clients come from loopback and nobody says who
    /// they are, nothing is counted unless a key asks for it: one of them would use up the
    /// allowance of all, and have all of them banned.
    pub fn rules(&self) -> Rules {
        let apart = !self.listen.ip().is_loopback() || !self.proxies.is_empty();
        let default = |bytes: u64| (apart || self.proxy_protocol).then_some(bytes);
        Rules {
            ban_floor: self.ban_floor.or(default(1 << 30)),
            upload_per_hour: self.upload_per_hour.or(default(64 << 20)),
        }
    }
}

/// The keys of the file, and of its table.
const KEYS: [&str; 4] = ["name", "key_file", "log", "relay"];
const RELAY_KEYS: [&str; 13] = [
    "listen",
    "url",
    "tls_cert",
    "tls_key",
    "store",
    "allow_disk",
    "capacity",
    "connections",
    "admin",
    "upload_per_hour",
    "ban_floor",
    "proxies",
    "proxy_protocol",
];
/// What later releases will have.
const LATER: [&str; 3] = ["tracker", "identity", "trackers"];

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
    /// A line of it is wrong.
    #[error("{0}:{1}: {2}")]
    Line(PathBuf, usize, String),
    /// Its keys do not go together.
    #[error("{0}: {1}")]
    Whole(PathBuf, String),
}

/// Reads the file.
pub fn read(path: &Path) -> Result<Config, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|error| ConfigError::Io(path.to_owned(), error))?;
    let mut config = parse(&text, path)?;
    let path =
        std::path::absolute(path).map_err(|error| ConfigError::Io(path.to_owned(), error))?;
    let dir = path.parent().unwrap_or(Path::new("/"));
    let absolute = |file: &mut PathBuf| *file = dir.join(&*file);
    absolute(&mut config.key_file);
    if let Some(relay) = &mut config.relay {
        absolute(&mut relay.store);
        relay.tls_cert.iter_mut().chain(&mut relay.tls_key).for_each(absolute);
    }
    Ok(config)
}

fn parse(text: &str, path: &Path) -> Result<Config, ConfigError> {
    let config: Config = toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start.min(text.len()));
        let line = 1 + text.as_bytes()[..start].iter().filter(|b| **b == b'\n').count();
        ConfigError::Line(path.to_owned(), line, explain(error.message()))
    })?;
    let whole = |text: String| ConfigError::Whole(path.to_owned(), text);
    if let Some(relay) = &config.relay {
        if relay.tls_cert.is_some() != relay.tls_key.is_some() {
            return Err(whole("tls_cert and tls_key go together: give both".to_owned()));
        }
        if relay.tls_cert.is_none() && !relay.listen.ip().is_loopback() {
            return Err(whole(format!(
                "listen = \"{}\" without tls_cert and tls_key: plain HTTP is for loopback only, \
                 behind a proxy or an onion service on this machine",
                relay.listen
            )));
        }
        if let Some(admin) = relay.admin.filter(|admin| !admin.ip().is_loopback()) {
            return Err(whole(format!("admin = \"{admin}\": must be a loopback address")));
        }
    }
    Ok(config)
}

/// What the TOML reader said, with the nearest key for one that is not known.
fn explain(message: &str) -> String {
    let unknown = message.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`'));
    let Some((key, rest)) = unknown else { return message.lines().collect::<Vec<_>>().join(" ") };
    if LATER.contains(&key) {
        return format!("\"{key}\" is not in this release: remove it");
    }
    // serde lists the keys of the table at hand; only the relay's has "listen".
    let keys: &[&str] = if rest.contains("`listen`") { &RELAY_KEYS } else { &KEYS };
    let nearest = keys
        .iter()
        .max_by(|a, b| strsim::jaro_winkler(key, a).total_cmp(&strsim::jaro_winkler(key, b)));
    match nearest.filter(|near| strsim::jaro_winkler(key, near) > 0.7) {
        Some(near) => format!("unknown key \"{key}\": did you mean \"{near}\"?"),
        None => format!("unknown key \"{key}\": the keys here are {}", keys.join(" ")),
    }
}

fn capacity_default() -> u64 {
    1 << 30
}

fn connections_default() -> usize {
    1024
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    if name.chars().count() > 64 || name.chars().any(char::is_control) {
        return Err(D::Error::custom("name: at most 64 printable characters"));
    }
    Ok(name)
}

fn log<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Log, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "info" => Ok(Log::All),
        "error" => Ok(Log::Errors),
        _ => Err(D::Error::custom("log: \"info\" or \"error\"")),
    }
}

fn store<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.split_once(':') {
        Some(("dir", path)) if !path.is_empty() => Ok(PathBuf::from(path)),
        Some(("redis", _)) => {
            Err(D::Error::custom("store: redis is not in this release: use \"dir:DIRECTORY\""))
        }
        _ => Err(D::Error::custom("store: must be \"dir:DIRECTORY\"")),
    }
}

fn connections<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    match u32::deserialize(deserializer)? {
        n @ 1..=1_000_000 => Ok(n as usize),
        _ => Err(D::Error::custom("connections: from 1 to 1000000")),
    }
}

fn proxies<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Range>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    if texts.len() > 1024 {
        return Err(D::Error::custom("proxies: at most 1024"));
    }
    let range = |text: &String| text.parse().map_err(|e| format!("proxies: \"{text}\": {e}"));
    texts.iter().map(range).collect::<Result<_, _>>().map_err(D::Error::custom)
}

fn capacity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    size("capacity", deserializer)
}

fn upload_per_hour<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    size("upload_per_hour", deserializer).map(Some)
}

fn ban_floor<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    size("ban_floor", deserializer).map(Some)
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

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "key_file = \"node.key\"\n[relay]\nlisten = \"127.0.0.1:8080\"\n\
                        store = \"dir:/run/posted/store\"\n";

    fn error(text: &str) -> String {
        parse(text, Path::new("posted.toml")).unwrap_err().to_string()
    }

    #[test]
    fn defaults() {
        let config = parse(GOOD, Path::new("posted.toml")).unwrap();
        let relay = config.relay.unwrap();
        assert_eq!((relay.capacity, relay.connections), (1 << 30, 1024));
        assert!(!relay.allow_disk && config.log == Log::All);
    }

    #[test]
    fn nothing_is_counted_by_default_where_clients_cannot_be_told_apart() {
        let rules =
            |text: &str| parse(text, Path::new("posted.toml")).unwrap().relay.unwrap().rules();
        let all = Rules { ban_floor: Some(1 << 30), upload_per_hour: Some(64 << 20) };
        assert_eq!(rules(GOOD), Rules::default());
        assert_eq!(rules(&format!("{GOOD}proxies = [\"127.0.0.1\"]\n")), all);
        assert_eq!(rules(&format!("{GOOD}proxy_protocol = true\n")), all);
        let tls = GOOD.replace("127.0.0.1", "0.0.0.0") + "tls_cert = \"a\"\ntls_key = \"b\"\n";
        assert_eq!(rules(&tls), all);
        let floor = Rules { ban_floor: Some(5 << 20), upload_per_hour: None };
        assert_eq!(rules(&format!("{GOOD}ban_floor = \"5 MiB\"\n")), floor);
    }

    #[test]
    fn every_key_is_listed_for_the_nearest_name() {
        for (text, keys) in [("zz = 1", &KEYS[..]), ("[relay]\nzz = 1", &RELAY_KEYS[..])] {
            let message = toml::from_str::<Config>(text).unwrap_err().message().to_owned();
            let known: Vec<_> = message.split('`').skip(3).step_by(2).collect();
            assert_eq!(known, keys, "{message}");
        }
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (line, wanted) in [
            ("capcity = 5", "posted.toml:5: unknown key \"capcity\": did you mean \"capacity\"?"),
            ("capacity = \"5 apples\"", "posted.toml:5: capacity: bytes"),
            ("capacity = 5", "posted.toml:5: capacity: bytes"),
            ("connections = 0", "posted.toml:5: connections: from 1"),
            ("trackers = 5", "posted.toml:5: \"trackers\" is not in this release: remove it"),
            ("ban_floor = 5", "posted.toml:5: ban_floor: bytes"),
            ("upload_per_hour = \"\"", "posted.toml:5: upload_per_hour: bytes"),
            ("proxies = [\"bob\"]", "posted.toml:5: proxies: \"bob\": not an address such as"),
            ("[tracker]", "posted.toml:5: \"tracker\" is not in this release"),
            ("tls_cert = \"a\"", "posted.toml: tls_cert and tls_key go together"),
            ("admin = \"0.0.0.0:1\"", "posted.toml: admin = \"0.0.0.0:1\": must be a loopback"),
            ("= 5", "posted.toml:5: "),
            ("q = 5", "posted.toml:5: unknown key \"q\": the keys here are listen url"),
        ] {
            let error = error(&format!("{GOOD}{line}\n"));
            assert!(error.starts_with(wanted), "{line}: {error}");
        }
        let public = GOOD.replace("127.0.0.1", "0.0.0.0");
        assert!(error(&public).contains("plain HTTP is for loopback only"));
        let redis = GOOD.replace("dir:/run/posted/store", "redis://localhost");
        assert!(error(&redis).starts_with("posted.toml:4: store: redis is not in this release"));
        let wrong = GOOD.replace("127.0.0.1:8080", "localhost");
        assert!(error(&wrong).starts_with("posted.toml:3: "), "{}", error(&wrong));
        let nameless = error("nam = \"a\"\n");
        assert!(nameless.contains("did you mean \"name\"?"), "{nameless}");
    }

    #[test]
    fn the_example_and_the_manual_have_every_key() {
        let example = include_str!("../../examples/posted.toml");
        parse(example, Path::new("posted.toml")).unwrap();
        let manual = include_str!("../../man/posted.8");
        let words: Vec<&str> = manual.split([' ', '\n']).collect();
        let table = RELAY_KEYS.iter().chain(&KEYS).filter(|key| **key != "relay");
        for key in table.chain(&LATER[2..]) {
            assert!(words.contains(key), "posted.8 lacks {key}");
        }
        for key in RELAY_KEYS.iter().chain(&KEYS).filter(|key| **key != "allow_disk") {
            let named = [format!("{key} ="), format!("[{key}]")];
            let lines = example.lines();
            let found = lines.filter(|line| named.iter().any(|n| line.starts_with(n))).count();
            assert_eq!(found, 1, "the example and {key}");
        }
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("posted.toml");
        std::fs::write(&path, GOOD).unwrap();
        assert_eq!(read(&path).unwrap().key_file, dir.path().join("node.key"));
    }
}
