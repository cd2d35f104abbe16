//! What `--check` prints: the configuration as the node understands it, every key with the value
//! that holds, in the form of the file. A key without a value stands in a comment that says why.
//! Holds nothing secret: keys and certificates are named by their files.
//! Specified in posted(8), DESCRIPTION.

use crate::node::config::{Config, Front, IdentityConfig, RelayConfig};
use crate::node::log::Log;
use std::fmt::Display;

/// The text, one line a key.
pub fn text(config: &Config) -> String {
    let mut lines = vec![text_of("name", &config.name)];
    lines.extend(config.key_file.as_ref().map(|file| text_of("key_file", file.display())));
    lines.push(text_of("log", if config.log == Log::All { "info" } else { "error" }));
    if let Some(relay) = &config.relay {
        lines.push("\n[relay]".to_owned());
        lines.extend(relay_lines(relay));
    }
    if let Some(tracker) = &config.tracker {
        lines.push("\n[tracker]".to_owned());
        lines.extend(front_lines(&tracker.front()));
        lines.push(format!("allow_private = {}", tracker.allow_private));
    }
    if let Some(identity) = &config.identity {
        lines.push("\n[identity]".to_owned());
        lines.extend(identity_lines(identity));
    }
    lines.join("\n") + "\n"
}

fn relay_lines(relay: &RelayConfig) -> Vec<String> {
    let (rules, mut lines) = (relay.rules(), front_lines(&relay.front()));
    lines.extend([
        text_of("url", &relay.url),
        text_of("store", &relay.store),
        format!("allow_disk = {}", relay.allow_disk),
        format!("capacity = {}", relay.capacity),
        match relay.bandwidth {
            Some(bandwidth) => format!("bandwidth = {bandwidth}"),
            None => "# bandwidth: none, so not in the saturation".to_owned(),
        },
        counted("upload_per_hour", rules.upload_per_hour),
        counted("ban_floor", rules.ban_floor),
        format!("trackers = {:?}", relay.trackers),
    ]);
    lines
}

fn identity_lines(identity: &IdentityConfig) -> Vec<String> {
    let mut lines = front_lines(&identity.front());
    lines.extend([
        text_of("dir", identity.dir.display()),
        format!("capacity = {}", identity.capacity),
        counted("put_per_day", identity.allowance()),
    ]);
    lines
}

/// The keys that every table has.
fn front_lines(front: &Front) -> Vec<String> {
    let mut lines = vec![text_of("listen", front.listen)];
    match &front.tls {
        Some((certificate, key)) => {
            lines.push(text_of("tls_cert", certificate.display()));
            lines.push(text_of("tls_key", key.display()));
        }
        None => lines.push("# tls_cert, tls_key: none, so plain HTTP".to_owned()),
    }
    let proxies: Vec<_> = front.proxies.iter().map(|range| format!("\"{range}\"")).collect();
    lines.extend([
        format!("connections = {}", front.connections),
        match front.admin {
            Some(admin) => text_of("admin", admin),
            None => "# admin: none".to_owned(),
        },
        format!("proxies = [{}]", proxies.join(", ")),
        format!("proxy_protocol = {}", front.proxy_protocol),
    ]);
    lines
}

fn counted(key: &str, most: Option<u64>) -> String {
    match most {
        Some(most) => format!("{key} = {most}"),
        None => format!("# {key}: none, since clients on loopback cannot be told apart"),
    }
}

/// A key with a text, quoted as TOML wants it.
fn text_of(key: &str, value: impl Display) -> String {
    format!("{key} = {}", toml::Value::String(value.to_string()))
}
