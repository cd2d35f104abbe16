//! What `--check` prints: the configuration as the node understands it, every key with the value
//! that holds, in the form of the file. A key without a value stands in a comment that says why.
//! Holds nothing secret: keys and certificates are named by their files.
//! Specified in posted(8), DESCRIPTION.

use crate::node::config::{Config, RelayConfig};
use crate::node::log::Log;
use std::fmt::Display;

/// The text, one line a key.
pub fn text(config: &Config, relay: &RelayConfig) -> String {
    let mut lines = vec![
        text_of("name", &config.name),
        text_of("key_file", config.key_file.display()),
        text_of("log", if config.log == Log::All { "info" } else { "error" }),
        "\n[relay]".to_owned(),
        text_of("listen", relay.listen),
        text_of("url", &relay.url),
    ];
    for (key, file) in [("tls_cert", &relay.tls_cert), ("tls_key", &relay.tls_key)] {
        lines.push(match file {
            Some(file) => text_of(key, file.display()),
            None => format!("# {key}: none, so plain HTTP"),
        });
    }
    lines.extend([
        text_of("store", format_args!("dir:{}", relay.store.display())),
        format!("allow_disk = {}", relay.allow_disk),
        format!("capacity = {}", relay.capacity),
        format!("connections = {}", relay.connections),
        match relay.admin {
            Some(admin) => text_of("admin", admin),
            None => "# admin: none".to_owned(),
        },
    ]);
    let rules = relay.rules();
    for (key, bytes) in [("upload_per_hour", rules.upload_per_hour), ("ban_floor", rules.ban_floor)]
    {
        lines.push(match bytes {
            Some(bytes) => format!("{key} = {bytes}"),
            None => format!("# {key}: none, since clients on loopback cannot be told apart"),
        });
    }
    let proxies: Vec<_> = relay.proxies.iter().map(|range| format!("\"{range}\"")).collect();
    lines.push(format!("proxies = [{}]", proxies.join(", ")));
    lines.push(format!("proxy_protocol = {}\n", relay.proxy_protocol));
    lines.join("\n")
}

/// A key with a text, quoted as TOML wants it.
fn text_of(key: &str, value: impl Display) -> String {
    format!("{key} = {}", toml::Value::String(value.to_string()))
}
