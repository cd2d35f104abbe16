//! The commands, one a file: each calls a verb and says what came of it. None knows a key, a file
//! of the home or a node; that is the verbs' business.
//! Specified in poste(1).

mod block;
mod card;
pub mod completions;
mod contacts;
mod cover;
pub mod doctor;
mod edit;
mod export;
pub mod forge;
mod group;
pub mod help;
mod import;
pub mod init;
mod list;
mod nodes;
mod outbox;
mod passphrase;
mod publish;
mod quarantine;
mod receive;
mod remove;
mod rename;
mod seal;
mod send;
mod show;
pub mod status;
mod sync;
pub mod verify;

use crate::cli::Run;
use crate::cli::args::Command;
use crate::cli::ui::Done;
use crate::client::error::{Error, Kind};
use crate::core::card::{LIMIT as CARD_LIMIT, SignedCard};
use std::fs::File;
use std::io::{Read, stdin};
use std::path::Path;

/// Runs a command that needs a home.
pub fn run(run: &mut Run<'_, '_>, command: Command) -> Done {
    match command {
        Command::Accept { request, name } => contacts::accept(run, &request, &name),
        Command::Add { name, link, fingerprint, replace } => {
            contacts::add(run, &name, &link, fingerprint, replace)
        }
        Command::Block { name } => block::block(run, &name),
        Command::Card { action: None, toml, words } => card::run(run, toml, words),
        Command::Card { action: Some(action), .. } => card::change(run, action),
        Command::Contacts => contacts::list(run),
        Command::Cover { action } => cover::run(run, action),
        Command::Edit { message } => edit::run(run, &message),
        Command::Export(args) => export::run(run, &args),
        Command::Forge(args) => forge::run(run, &args),
        Command::Group { action } => group::run(run, action),
        Command::Groups { name } => group::list(run, name.as_ref()),
        Command::Import(args) => import::run(run, &args),
        Command::List(list) => list::run(run, &list),
        Command::Nodes => nodes::run(run),
        Command::Outbox { action } => outbox::run(run, action),
        Command::Passphrase { remove } => passphrase::run(run, remove),
        Command::Publish { output, check, trust_clock, force } => {
            publish::run(run, output.as_deref(), check, (trust_clock, force))
        }
        Command::Quarantine { action, messages } => quarantine::run(run, action, &messages),
        Command::Receive { trust_clock, show, files } => {
            receive::run(run, &files, trust_clock, show)
        }
        Command::Remove { name, keep_mail } => remove::run(run, &name, keep_mail),
        Command::Rename { old, new } => rename::run(run, &old, &new),
        Command::Seal { to, output } => seal::run(run, &to, output.as_deref()),
        Command::Send(send) => send::run(run, &send),
        Command::Sendmail { arguments } => send::sendmail(run, &arguments),
        Command::Show { messages, raw, part } => show::run(run, &messages, raw, part),
        Command::Status => status::run(run),
        Command::Sync(sync) => sync::run(run, &sync),
        Command::Unblock { name } => block::unblock(run, &name),
        Command::Verify { message, .. } => verify::run(run, &message),
        Command::Words { name, confirm } => contacts::words(run, &name, confirm),
        Command::Completions { .. }
        | Command::Doctor { .. }
        | Command::Help { .. }
        | Command::Init(_) => {
            Err(Error::new(Kind::Bug, "this command was to run without a home").into())
        }
    }
}

/// A card from a file.
fn card_file(path: &Path) -> Result<SignedCard, Error> {
    let bytes = read_file(path, CARD_LIMIT as u64)?;
    SignedCard::parse(&bytes)
        .map_err(|error| Error::new(Kind::Data, format!("{}: no card: {error}", path.display())))
}

/// All of standard input, at most `limit` bytes.
fn read_stdin(limit: u64) -> Result<Vec<u8>, Error> {
    read(stdin().lock(), "standard input", limit)
}

/// All of a file, `-` being standard input, at most `limit` bytes.
fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    if path == Path::new("-") {
        return read_stdin(limit);
    }
    let name = path.display().to_string();
    let file = File::open(path)
        .map_err(|error| Error::new(Kind::NoMessage, format!("cannot open {name}: {error}")))?;
    read(file, &name, limit)
}

fn read(from: impl Read, name: &str, limit: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    from.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Error::new(Kind::Io, format!("cannot read {name}: {error}")))?;
    if bytes.len() as u64 > limit {
        return Err(Error::new(Kind::Data, format!("{name} has more than {limit} bytes")));
    }
    Ok(bytes)
}
