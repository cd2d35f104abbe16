//! `poste init`: a home, made or brought up from an archive. It is made in two steps. First keys,
//! configuration and tree come at once or not at all; then the first card is signed. Run again after
//! a crash in between, it does the second.
//! Specified in poste(1), init.

use crate::cli::Run;
use crate::cli::args::{ArchiveKind, Init};
use crate::cli::prompt::Prompt;
use crate::cli::ui::{Done, Ui};
use crate::cli::wrong;
use crate::client::error::{Error, Kind};
use crate::client::init::moved::{self, Moved};
use crate::client::system::{self, SystemRandom};
use crate::client::{init, own};
use crate::store::config::{Archive, Config, Target};
use crate::store::home::{Home, Places};
use crate::store::quoted;
use serde::Serialize;
use std::fs::File;
use std::io::{BufReader, stdin};
use std::path::Path;

/// A home as `--json` tells of it.
#[derive(Default, Serialize)]
struct Made {
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contacts: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    letters: Option<usize>,
}

/// Makes the home, or opens one whose first card is still to be signed.
pub fn make(args: &Init, places: Places, prompt: &Prompt, ui: &Ui) -> Result<Home, Error> {
    let mut config = config(args)?;
    if places.exists() && !places.card().exists() {
        return Ok(Home::open(places)?);
    }
    if places.exists() {
        // Said before anything is asked.
        return init::create(places, &config, None, system::clock(), &mut SystemRandom);
    }
    if !config.trust_clock && only_directories(&config) {
        let question = "no node can confirm that the clock here is right; trust it? [y/N] ";
        config.trust_clock = prompt.agrees(question)? == Some(true);
    }
    let passphrase = match args.no_passphrase {
        true => None,
        false => Some(prompt.new_passphrase()?),
    };
    let passphrase = passphrase.as_ref().map(|p| p.as_str());
    ui.progress("making keys");
    init::create(places, &config, passphrase, system::clock(), &mut SystemRandom)
}

/// Signs the first card and prints the link.
pub fn finish(run: &mut Run<'_, '_>) -> Done {
    let signed = init::first_card(run.env)?;
    let link = own::link(&signed.card);
    match run.ui.json() {
        true => run.ui.value(&Made { link: Some(link), ..Made::default() })?,
        false => run.ui.line(&link)?,
    }
    if run.env.config.trust_clock {
        run.ui.note("no node can confirm the clock, so it is trusted (trust_clock in config.toml)");
    } else if only_directories(&run.env.config) {
        run.ui.warn("no node can confirm that the clock here is right, so letters prove nothing");
        let file = run.env.home.places().config_file();
        run.ui.next(&format!("echo 'trust_clock = true' >>{}  # if it is right", quoted(&file)));
    }
    match (run.env.config.nodes.is_empty(), run.env.config.trackers.is_empty()) {
        (true, true) => run.ui.note("there is no node yet: name one in config.toml, as nodes"),
        (true, false) => run.ui.note("the first sync chooses nodes; publish the card after it"),
        (false, _) => {}
    }
    match run.env.config.publish.is_empty() {
        true => {
            run.ui.next("poste card --toml >card.toml  # for friends, as a file");
            run.ui.next("poste card");
        }
        false => run.ui.next("poste publish"),
    }
    Ok(())
}

/// Brings up the home that is in an archive, and prints its link.
pub fn import(archive: &Path, places: Places, prompt: &Prompt, ui: &Ui) -> Done {
    let name = archive.display().to_string();
    let progress = |text: &str| ui.progress(text);
    let moved = match archive == Path::new("-") {
        true => moved::bring(places, "standard input", stdin().lock(), prompt, &progress)?,
        false => {
            let file = File::open(archive).map_err(|error| {
                Error::new(Kind::NoMessage, format!("cannot open {name}: {error}"))
            })?;
            moved::bring(places, &name, BufReader::new(file), prompt, &progress)?
        }
    };
    let Moved { messages, contacts, letters, .. } = moved;
    let link = moved.card.as_ref().map(|card| own::link(&card.card));
    if ui.json() {
        let [messages, contacts, letters] = [messages, contacts, letters].map(Some);
        ui.value(&Made { link, messages, contacts, letters })?;
    } else if let Some(link) = link {
        ui.line(&link)?;
    }
    ui.count(&format!("{messages} messages, {contacts} contacts, {letters} letters in the outbox"));
    // Whoever made the archive chose them, and nothing of it was done yet.
    let file = moved.home.places().config_file().display().to_string();
    for (key, what) in reaches(&moved.config) {
        ui.warn(&format!("{file}: {key} is {what:?}: see that it is right on this machine"));
    }
    ui.warn("stop the home that this one came from, for good: two of one identity lose letters");
    ui.next(if moved.card.is_some() { "poste sync" } else { "poste publish" });
    Ok(())
}

/// What a configuration has the program run, write to or read on this machine.
fn reaches(config: &Config) -> Vec<(&'static str, String)> {
    let publish = config.publish.iter().filter_map(|target| match target {
        Target::File(path) => Some(("publish", path.display().to_string())),
        Target::Command(command) => Some(("publish", format!("!{command}"))),
        Target::Put(_) => None,
    });
    let rest = [
        ("passphrase_command", config.passphrase_command.clone()),
        ("editor", config.editor.clone()),
        ("hooks.pre_sync", config.hooks.pre_sync.clone()),
        ("hooks.post_sync", config.hooks.post_sync.clone()),
        ("hooks.publish", config.hooks.publish.clone()),
        ("ca_file", config.ca_file.as_ref().map(|path| path.display().to_string())),
    ];
    let rest = rest.into_iter().filter_map(|(key, what)| Some((key, what?)));
    publish.chain(rest).collect()
}

/// A path as the configuration needs it, from / on; an address or a command as it is.
fn full(target: &str) -> Result<String, Error> {
    if target.is_empty() || target.starts_with('!') || target.contains("://") {
        return Ok(target.to_owned());
    }
    let path =
        std::path::absolute(target).map_err(|e| wrong(format!("--publish {target}: {e}")))?;
    let text = path.into_os_string().into_string();
    text.map_err(|_| wrong(format!("--publish {target}: the directory here is not UTF-8")))
}

fn only_directories(config: &Config) -> bool {
    let directory = |node: &str| node.starts_with("file:");
    !config.nodes.is_empty() && config.nodes.iter().all(|node| directory(node.as_str()))
}

fn config(args: &Init) -> Result<Config, Error> {
    let mut config = Config { name: args.name.clone().unwrap_or_default(), ..Config::default() };
    for url in &args.url {
        config.urls.push(url.parse().map_err(|e| wrong(format!("--url {url}: {e}")))?);
    }
    for target in &args.publish {
        let full = full(target)?;
        config.publish.push(full.parse().map_err(|e| wrong(format!("--publish {target}: {e}")))?);
    }
    for node in &args.node {
        config.nodes.push(node.parse().map_err(|e| wrong(format!("--node {node}: {e}")))?);
    }
    for url in &args.tracker {
        config.trackers.push(url.parse().map_err(|e| wrong(format!("--tracker {url}: {e}")))?);
    }
    config.proxy = args.proxy.clone();
    config.archive = match args.archive {
        ArchiveKind::Hybrid => Archive::Hybrid,
        ArchiveKind::X25519 => Archive::X25519,
    };
    // A node on loopback has the clock of this machine.
    let confirms = |node: &str| node.starts_with("https://") || node.contains(".onion");
    let loopback = |node: &str| !node.starts_with("file:") && !confirms(node);
    let nodes = || config.nodes.iter().map(|node| node.as_str());
    config.trust_clock = args.trust_clock || nodes().any(loopback) && !nodes().any(confirms);
    // What the file will say must be what its reader takes, proxies and lengths included.
    let text = config.render();
    Config::parse(Path::new("config.toml"), &text).map_err(|e| wrong(e.to_string()))
}
