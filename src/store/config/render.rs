//! The configuration as `init` writes it: what was chosen, and the defaults as comments that
//! teach the keys. At most 25 lines. See the header of [`super`].
//! Keys and defaults: poste-files(5), Configuration.

use super::{Config, duration_text, size_text};
use std::fmt::Display;
use toml::Value;

pub(super) fn render(config: &Config) -> String {
    let usual = Config::default();
    let text = |text: &str| Value::from(text).to_string();
    let option = |given: Option<&str>, example: &str| text(given.unwrap_or(example));
    let ca_file = config.ca_file.as_ref().map(|path| path.display().to_string());
    let mut out = Lines(String::from(
        "# Configuration of poste, see poste-files(5). Lines behind # show the defaults.\n",
    ));
    let c = config;
    out.add(c.name != usual.name, "name", text(&c.name), "suggested to who reads my card");
    out.add(!c.urls.is_empty(), "urls", list(&c.urls), "where my card is found");
    out.add(!c.publish.is_empty(), "publish", list(&c.publish), "path, https:// or !command");
    out.add(!c.nodes.is_empty(), "nodes", list(&c.nodes), "where letters to me arrive");
    let trackers = list(&c.trackers);
    out.add(!c.trackers.is_empty(), "trackers", trackers, "whose lists nodes are chosen from");
    let proxy = option(c.proxy.as_deref(), "socks5h://127.0.0.1:9050");
    out.add(c.proxy.is_some(), "proxy", proxy, "none; this would be Tor");
    let ca_file_text = option(ca_file.as_deref(), "/etc/ssl/certs/my-ca.pem");
    out.add(c.ca_file.is_some(), "ca_file", ca_file_text, "none: the built-in authorities");
    out.add(c.class != usual.class, "class", text(c.class.name()), "or \"daily\"");
    let (budget, most) = (c.listen_budget, c.listen_max);
    out.add(budget != usual.listen_budget, "listen_budget", budget, "MB of downloads a day");
    out.add(most != usual.listen_max, "listen_max", most, "digits at most; fewer hide better");
    out.add(c.pace != usual.pace, "pace", c.pace, "cells to each node in every sync");
    let per_sync = c.nodes_per_sync;
    out.add(per_sync != usual.nodes_per_sync, "nodes_per_sync", per_sync, "visited in a sync");
    out.add(c.stamp_bits != usual.stamp_bits, "stamp_bits", c.stamp_bits, "work of strangers");
    out.add(c.cover, "cover", c.cover, "true to take part in cover conversations");
    let budget = text(&size_text(c.cover_budget));
    out.add(c.cover_budget != usual.cover_budget, "cover_budget", budget, "a day, for these");
    let words = c.cover_text.as_ref().map(|path| path.display().to_string());
    let words = option(words.as_deref(), "/usr/share/dict/a-novel.txt");
    out.add(c.cover_text.is_some(), "cover_text", words, "none: a text that comes with poste");
    out.add(c.trust_clock, "trust_clock", c.trust_clock, "true if no node can confirm it");
    let command = option(c.passphrase_command.as_deref(), "pass show poste");
    out.add(c.passphrase_command.is_some(), "passphrase_command", command, "none: asked for");
    let editor = option(c.editor.as_deref(), "vi");
    out.add(c.editor.is_some(), "editor", editor, "VISUAL or EDITOR");
    out.add(c.archive != usual.archive, "archive", text(c.archive.name()), "or \"hybrid\"");
    let warn = text(&duration_text(c.warn_after));
    out.add(c.warn_after != usual.warn_after, "warn_after", warn, "when no node answers");
    let max = text(&size_text(c.attachment_max));
    out.add(c.attachment_max != usual.attachment_max, "attachment_max", max, "of a whole mail");
    let spans = c.expires.iter().map(|(name, s)| (name.to_string(), duration_text(*s).into()));
    let spans: toml::Table = match c.expires.is_empty() {
        true => [("bob".to_owned(), "7d".into())].into_iter().collect(),
        false => spans.collect(),
    };
    out.add(!c.expires.is_empty(), "expires", Value::Table(spans), "none; how long mail lasts");
    let (h, mut hooks) = (&c.hooks, toml::Table::new());
    let named = [("pre_sync", &h.pre_sync), ("post_sync", &h.post_sync), ("publish", &h.publish)];
    for (name, command) in named {
        hooks.extend(command.iter().map(|command| (name.to_owned(), command.as_str().into())));
    }
    if hooks.is_empty() {
        hooks.extend([("post_sync".to_owned(), "notmuch new".into())]);
    }
    out.add(c.hooks != usual.hooks, "hooks", Value::Table(hooks), "none; what a sync runs");
    out.0
}

/// The text so far.
struct Lines(String);

impl Lines {
    fn add(&mut self, said: bool, key: &str, value: impl Display, comment: &str) {
        let line = format!("{}{key} = {value}", if said { "" } else { "# " });
        self.0 += &format!("{line:<46}  # {comment}\n");
    }
}

fn list<T: Display>(items: &[T]) -> String {
    Value::Array(items.iter().map(|item| Value::from(item.to_string())).collect()).to_string()
}
