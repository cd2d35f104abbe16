//! The keys of the configuration, one arm each: what they may say and where a fault lies. A key
//! that is unknown, or known and not built yet, is refused and never passed over.
//! Keys and defaults: poste-files(5), Configuration.

use super::super::atomic::one_line;
use super::super::petname::Petname;
use super::address::{proxy, server};
use super::{Archive, Config, Hooks, duration, size};
use crate::core::bucket::Class;
use crate::core::mail::expires::LEAST;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::PathBuf;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The keys that do something.
const KEYS: [&str; 24] = [
    "name",
    "urls",
    "publish",
    "nodes",
    "trackers",
    "proxy",
    "ca_file",
    "class",
    "listen_budget",
    "listen_max",
    "pace",
    "nodes_per_sync",
    "stamp_bits",
    "cover",
    "cover_budget",
    "cover_text",
    "trust_clock",
    "passphrase_command",
    "editor",
    "archive",
    "warn_after",
    "attachment_max",
    "expires",
    "hooks",
];

/// The keys of `[hooks]`.
const HOOKS: [&str; 3] = ["pre_sync", "post_sync", "publish"];

/// Keys of features that are designed and not yet built.
const LATER: [&str; 1] = ["pace_strict"];

/// A card names at most so many addresses of a sort (protocol 5).
const MAX_ADDRESSES: usize = 8;

/// The least pace but none: a first letter, with card, offer and stamp, has 3 or 4 cells.
const LEAST_PACE: u64 = 4;

/// What is wrong, and at which byte.
pub(super) struct Fault {
    pub at: Option<usize>,
    pub what: String,
}

type Value<'i> = Spanned<DeValue<'i>>;

pub(super) fn parse(text: &str) -> Result<Config, Fault> {
    let table = DeTable::parse(text).map_err(|error| Fault {
        at: error.span().map(|span| span.start),
        what: one_line(error.message()),
    })?;
    let mut config = Config::default();
    for (key, value) in table.get_ref() {
        let name: &str = key.get_ref();
        set(&mut config, name, value).map_err(|what| Fault {
            // A fault of the key itself is shown where the key stands; their lines are the same
            // but for arrays over several lines.
            at: Some(key.span().start),
            what,
        })?;
    }
    Ok(config)
}

fn set(config: &mut Config, key: &str, value: &Value) -> Result<(), String> {
    match key {
        "name" => config.name = name(text(key, value)?)?,
        "urls" => config.urls = few(key, value, server)?,
        "publish" => config.publish = few(key, value, str::parse)?,
        "nodes" => config.nodes = few(key, value, str::parse)?,
        "trackers" => config.trackers = few(key, value, server)?,
        "proxy" => config.proxy = Some(proxy(text(key, value)?).map_err(in_key(key))?),
        "ca_file" => config.ca_file = Some(path(key, text(key, value)?)?),
        "class" => config.class = one_of(key, value, [Class::Hourly, Class::Daily], Class::name)?,
        "listen_budget" => config.listen_budget = number(key, value, 1, 1_000_000)? as u32,
        "listen_max" => config.listen_max = number(key, value, 0, 3)? as u8,
        "pace" => config.pace = pace(key, value)?,
        "nodes_per_sync" => config.nodes_per_sync = number(key, value, 1, 8)? as u8,
        "stamp_bits" => config.stamp_bits = number(key, value, 0, 28)? as u8,
        "cover" => config.cover = truth(key, value)?,
        "cover_budget" => config.cover_budget = size(text(key, value)?).map_err(in_key(key))?,
        "cover_text" => config.cover_text = Some(path(key, text(key, value)?)?),
        "trust_clock" => config.trust_clock = truth(key, value)?,
        "passphrase_command" => {
            config.passphrase_command = Some(text(key, value)?.to_owned()).filter(|c| !c.is_empty())
        }
        "editor" => config.editor = Some(text(key, value)?.to_owned()).filter(|c| !c.is_empty()),
        "archive" => {
            let known = [Archive::X25519, Archive::Hybrid];
            config.archive = one_of(key, value, known, Archive::name)?;
        }
        "warn_after" => config.warn_after = duration(text(key, value)?).map_err(in_key(key))?,
        "attachment_max" => {
            config.attachment_max = size(text(key, value)?).map_err(in_key(key))?;
        }
        "hooks" => config.hooks = hooks(key, value)?,
        "expires" => config.expires = lifetimes(key, value)?,
        _ if LATER.contains(&key) => return Err(format!("this release does not have `{key}` yet")),
        _ => return Err(unknown(key, &KEYS)),
    }
    Ok(())
}

fn text<'v>(key: &str, value: &'v Value) -> Result<&'v str, String> {
    value.get_ref().as_str().ok_or_else(|| wanted(key, "a text in quotes", value))
}

fn truth(key: &str, value: &Value) -> Result<bool, String> {
    value.get_ref().as_bool().ok_or_else(|| wanted(key, "true or false", value))
}

fn number(key: &str, value: &Value, least: u64, most: u64) -> Result<u64, String> {
    let what = format!("a number from {least} to {most}");
    let number = value.get_ref().as_integer().ok_or_else(|| wanted(key, &what, value))?;
    let number = u64::from_str_radix(number.as_str(), number.radix()).ok();
    let number = number.filter(|n| (least..=most).contains(n));
    number.ok_or_else(|| format!("`{key}` is {what}"))
}

/// A pace that no first letter fits into would keep it waiting for ever.
fn pace(key: &str, value: &Value) -> Result<u16, String> {
    match number(key, value, 0, 128)? {
        1..LEAST_PACE => Err(format!(
            "`{key}` is 0 or a number from {LEAST_PACE} to 128: a first letter takes up to \
             {LEAST_PACE} cells"
        )),
        pace => Ok(pace as u16),
    }
}

fn few<T, E: Display>(
    key: &str,
    value: &Value,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Vec<T>, String> {
    let what = "a list of texts, such as [\"…\"]";
    let items = value.get_ref().as_array().ok_or_else(|| wanted(key, what, value))?;
    if items.len() > MAX_ADDRESSES {
        return Err(format!("`{key}` has at most {MAX_ADDRESSES} entries"));
    }
    items
        .iter()
        .map(|item| {
            let text = item.get_ref().as_str().ok_or_else(|| wanted(key, what, item))?;
            parse(text).map_err(|error| format!("`{key}`, {text:?}: {error}"))
        })
        .collect()
}

/// Conversations, by petname, and how long what is written in them lasts.
fn lifetimes(key: &str, value: &Value) -> Result<BTreeMap<Petname, u64>, String> {
    let what = "a table of names, such as { bob = \"7d\" }";
    let table = value.get_ref().as_table().ok_or_else(|| wanted(key, what, value))?;
    let one = |(name, lasts): (&Spanned<Cow<'_, str>>, &Value)| {
        let name: &str = name.get_ref();
        let petname = name.parse().map_err(|error| format!("`{key}`, {name:?}: {error}"))?;
        let inner = format!("{key}.{name}");
        let seconds = duration(text(&inner, lasts)?).map_err(in_key(&inner))?;
        match seconds >= LEAST {
            true => Ok((petname, seconds)),
            false => Err(format!("`{inner}` is an hour at least")),
        }
    };
    table.iter().map(one).collect()
}

fn hooks(key: &str, value: &Value) -> Result<Hooks, String> {
    let what = "a table of commands, such as { post_sync = \"notmuch new\" }";
    let table = value.get_ref().as_table().ok_or_else(|| wanted(key, what, value))?;
    let mut hooks = Hooks::default();
    for (name, command) in table {
        let name: &str = name.get_ref();
        let hook = match name {
            "pre_sync" => &mut hooks.pre_sync,
            "post_sync" => &mut hooks.post_sync,
            "publish" => &mut hooks.publish,
            _ => return Err(format!("below `{key}` {}", unknown(name, &HOOKS))),
        };
        let command = text(&format!("{key}.{name}"), command)?;
        *hook = Some(command.to_owned()).filter(|command| !command.is_empty());
    }
    Ok(hooks)
}

fn one_of<T: Copy>(
    key: &str,
    value: &Value,
    known: [T; 2],
    name: impl Fn(T) -> &'static str,
) -> Result<T, String> {
    let text = text(key, value)?;
    let [a, b] = known.map(&name);
    known
        .into_iter()
        .find(|one| name(*one) == text)
        .ok_or_else(|| format!("`{key}` is {a:?} or {b:?}"))
}

/// A name that a card can bear (protocol 5). The categories that std knows are refused here;
/// signing a card checks the rest.
fn name(text: &str) -> Result<String, String> {
    if text.chars().count() > 64 || text.chars().any(char::is_control) {
        return Err("`name` has at most 64 printable characters".to_owned());
    }
    Ok(text.to_owned())
}

fn path(key: &str, text: &str) -> Result<PathBuf, String> {
    match text.starts_with('/') {
        true => Ok(PathBuf::from(text)),
        false => Err(format!("`{key}` is a path written in full, from / on")),
    }
}

fn in_key<E: Display>(key: &str) -> impl FnOnce(E) -> String {
    move |error| format!("`{key}`: {error}")
}

fn wanted(key: &str, what: &str, value: &Value) -> String {
    format!("`{key}` is {what}, not of type {}", value.get_ref().type_str())
}

fn unknown(key: &str, keys: &[&str]) -> String {
    let near = keys.iter().map(|known| (distance(key, known), known)).min();
    match near {
        Some((distance, known)) if distance <= 1 + key.chars().count() / 3 => {
            format!("there is no key `{key}`, did you mean `{known}`")
        }
        _ => format!("there is no key `{key}`"),
    }
}

/// How many letters must be put in, taken out or changed to make one word the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        for (a, b, edits) in [("", "abc", 3), ("node", "nodes", 1), ("kitten", "sitting", 3)] {
            assert_eq!(distance(a, b), edits);
            assert_eq!(distance(b, a), edits);
        }
    }
}
