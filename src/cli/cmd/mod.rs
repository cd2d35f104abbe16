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
mod lock;
mod nodes;
mod outbox;
mod passphrase;
mod publish;
mod quarantine;
mod query;
mod receive;
mod remove;
mod rename;
mod seal;
mod search;
mod send;
mod show;
pub mod status;
pub mod sync;
mod tend;
pub mod verify;
mod view;
pub mod watch;
mod write;

use crate::cli::Run;
use crate::cli::args::Command;
use crate::cli::ui::Done;
use crate::cli::wrong;
use crate::client::error::{Error, Kind};
use crate::client::read;
use crate::core::card::{LIMIT as CARD_LIMIT, SignedCard};
use crate::store::maildir::Entry;
use std::fs::File;
use std::io::{IsTerminal, Read, stdin};
use std::path::Path;

/// Bytes of a list of paths at most.
const LIST: u64 = 16 << 20;

/// Runs a command that needs a home.
pub fn run(run: &mut Run<'_, '_>, command: Command) -> Done {
    match command {
        Command::Accept { request, name, replace } => {
            contacts::accept(run, &request, &name, replace)
        }
        Command::Add { name, link, fingerprint, replace } => {
            contacts::add(run, &name, &link, fingerprint, replace)
        }
        Command::Block { name } => block::block(run, &name),
        Command::Card { action: None, toml, qr, words } => card::run(run, toml, qr, words),
        Command::Card { action: Some(action), .. } => card::change(run, action),
        Command::Compose(args) => write::compose(run, &args),
        Command::Contacts => contacts::list(run),
        Command::Cover { action } => cover::run(run, action),
        Command::Delete { messages } => tend::delete(run, &messages),
        Command::Drafts { action } => write::drafts(run, action),
        Command::Edit { message } => edit::run(run, &message),
        Command::Export(args) => export::run(run, &args),
        Command::Forge(args) => forge::run(run, &args),
        Command::Group { action } => group::run(run, action),
        Command::Groups { name } => group::list(run, name.as_ref()),
        Command::Import(args) => import::run(run, &args),
        Command::List(list) => list::run(run, &list),
        Command::Lock => lock::lock(run),
        Command::Mark(args) => tend::mark(run, &args),
        Command::Move(args) => tend::move_to(run, &args),
        Command::Nodes => nodes::run(run),
        Command::Outbox { action } => outbox::run(run, action),
        Command::Passphrase { remove } => passphrase::run(run, remove),
        Command::Publish { output, check, trust_clock, force } => {
            publish::run(run, output.as_deref(), check, (trust_clock, force))
        }
        Command::Quarantine { action, messages } => quarantine::run(run, action, &messages),
        Command::Query { text } => query::run(run, text.as_deref().unwrap_or_default()),
        Command::Receive { trust_clock, show, files } => {
            receive::run(run, &files, trust_clock, show)
        }
        Command::Remove { name, keep_mail } => remove::run(run, &name, keep_mail),
        Command::Rename { old, new } => rename::run(run, &old, &new),
        Command::Reply(args) => write::reply(run, &args),
        Command::Seal { to, output } => seal::run(run, &to, output.as_deref()),
        Command::Search(args) => search::run(run, &args),
        Command::Send(send) => send::run(run, &send),
        Command::Sendmail { arguments } => send::sendmail(run, &arguments),
        Command::Show { messages, raw, part } => show::run(run, &messages, raw, part),
        Command::Status => status::run(run),
        Command::Sync(sync) => sync::run(run, &sync),
        Command::Unblock { name } => block::unblock(run, &name),
        Command::Unlock { lent } => lock::unlock(run, lent),
        Command::Verify { message, .. } => verify::run(run, &message),
        Command::View(args) => view::run(run, &args),
        Command::Words { name, confirm, heard } => contacts::words(run, &name, confirm, &heard),
        Command::Completions { .. }
        | Command::Doctor { .. }
        | Command::Help { .. }
        | Command::Init(_)
        | Command::Watch { .. } => {
            Err(Error::new(Kind::Bug, "this command was to run elsewhere").into())
        }
    }
}

/// A card from a file.
fn card_file(path: &Path) -> Result<SignedCard, Error> {
    let bytes = read_file(path, CARD_LIMIT as u64)?;
    SignedCard::parse(&bytes)
        .map_err(|error| Error::new(Kind::Data, format!("{}: no card: {error}", path.display())))
}

/// The messages that arguments name, or without any the lines of standard input.
fn messages(run: &Run<'_, '_>, given: &[String]) -> Result<Vec<Entry>, Error> {
    let given = match given {
        [] if stdin().is_terminal() => {
            return Err(wrong("say which messages").hint("poste list -u | poste show"));
        }
        [] => String::from_utf8_lossy(&read_stdin(LIST)?).lines().map(str::to_owned).collect(),
        some => some.to_vec(),
    };
    given.iter().map(|message| read::find(run.env, message)).collect()
}

/// All of standard input, at most `limit` bytes.
fn read_stdin(limit: u64) -> Result<Vec<u8>, Error> {
    read_from(stdin().lock(), "standard input", limit)
}

/// All of a file, `-` being standard input, at most `limit` bytes.
fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    if path == Path::new("-") {
        return read_stdin(limit);
    }
    let name = path.display().to_string();
    let file = File::open(path)
        .map_err(|error| Error::new(Kind::NoMessage, format!("cannot open {name}: {error}")))?;
    read_from(file, &name, limit)
}

/// What goes with a letter, of at most `limit` bytes as the configuration has it.
fn attachment(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    read_file(path, limit).map_err(|error| match error.kind {
        Kind::Data => error.hint("attachment_max in config.toml can allow more"),
        _ => error,
    })
}

fn read_from(from: impl Read, name: &str, limit: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    from.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Error::new(Kind::Io, format!("cannot read {name}: {error}")))?;
    if bytes.len() as u64 > limit {
        return Err(Error::new(Kind::Data, format!("{name} has more than {limit} bytes")));
    }
    Ok(bytes)
}
