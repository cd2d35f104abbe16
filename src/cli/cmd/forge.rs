//! `poste forge`: a message that was never sent, in the tree beside those that were; or, with
//! cards, a third person's forgery, which needs no home.
//! Specified in poste(1), forge.

use crate::cli::args::Forge;
use crate::cli::cmd::{card_file, list, read_stdin};
use crate::cli::ui::{Done, Ui};
use crate::cli::{Run, wrong};
use crate::client::edit;
use crate::client::error::{Error, Kind};
use crate::client::forge::{self, Forgery};
use crate::client::parties::Parties;
use crate::client::read::{self, Reader};
use crate::client::system::{SystemRandom, clock};
use crate::client::tend;
use crate::core::encode::unbase64;
use crate::core::keys::Seed;
use crate::core::mail::compose::{Draft, compose};
use crate::core::random::Random;
use crate::core::time::Day;
use crate::core::when::When;
use crate::store::atomic;
use crate::store::maildir::Folder;
use std::io::{IsTerminal, stdin};

pub fn run(run: &mut Run<'_, '_>, args: &Forge) -> Done {
    let parties = Parties::load(run.env)?;
    let person = |name: &str| {
        parties.who(name).ok_or_else(|| {
            Error::new(Kind::NoContact, format!("{name} is no contact")).hint("poste contacts")
        })
    };
    let from = args.from.as_deref().ok_or_else(|| wrong("say whose it shall be: --from NAME"))?;
    let (from_name, to_name) = (from, args.to.as_deref().unwrap_or("me"));
    let from = person(from_name)?;
    let circle = parties.group_named(to_name);
    let (to, group) = match circle {
        Some((id, circle)) => edit::to_group(&parties, id, circle, &from),
        None => (vec![person(to_name)?], None),
    };
    let other = match (parties.is_me(&from), to.iter().any(|who| parties.is_me(who))) {
        _ if circle.is_some() => to_name,
        (false, true) => from_name,
        (true, false) => to_name,
        _ => {
            return Err(wrong("a message in the tree is from or to oneself; of others: --cards")
                .hint("poste forge --from me --to bob")
                .into());
        }
    };
    args.folder.as_ref().map_or(Ok(()), tend::may_hold)?;
    let folder: Folder = match &args.folder {
        Some(folder) if args.make => folder.clone(),
        Some(folder) => {
            let made = format!("poste forge --make --folder {folder} …");
            tend::is_there(run.env, folder, &made)?.clone()
        }
        None => other.parse().map_err(|_| wrong(format!("{other}: no folder of that name")))?,
    };
    let replaced = match &args.replace {
        Some(message) => {
            let entry = read::find(run.env, message)?;
            let bytes = Reader::open(run.env)?.read(run.env, &entry)?;
            Some((entry, bytes))
        }
        None => None,
    };
    let mail = mail(run.ui, args, run.env.rng)?;
    let forgery = Forgery {
        from,
        to,
        group,
        when: args.date,
        folder: &folder,
        replace: replaced.as_ref().map(|(entry, bytes)| (entry, bytes.as_slice())),
        mail: &mail,
    };
    let path = forge::forge(run.env, &forgery)?;
    list::tell(run, &path)
}

/// Forges for two other people, with nothing but their cards and a seed that was disclosed.
pub fn by_cards(ui: &Ui, args: &Forge) -> Done {
    let [from, to] = args.cards.as_slice() else {
        return Err(wrong("--cards takes two cards").into());
    };
    let (from, to) = (card_file(from)?, card_file(to)?);
    let when = args.date.ok_or_else(|| wrong("say when: --date 2026-11-20"))?;
    let mut random = SystemRandom;
    let date = when.moment(clock(), &mut random);
    let seed = args.seed.as_deref().map(|text| seed(text, date.day())).transpose()?;
    let text = mail(ui, args, &mut random)?;
    let seed = seed.as_ref().map(|(day, seed)| (*day, seed));
    let message = forge::by_cards(&from, &to, seed, date, &text, &mut random)?;
    match &args.output {
        Some(path) if path.as_os_str() != "-" => Ok(atomic::write_new(path, &message)?),
        _ => ui.bytes(&message),
    }
}

/// A seed in base64, of the day that is forged, or of the day named before it.
fn seed(text: &str, day: Day) -> Result<(Day, Seed), Error> {
    let bad = || wrong("--seed takes 32 bytes in base64, as a card has them, or DATE:SEED");
    let (day, seed) = match text.split_once(':') {
        Some((date, seed)) => (date.parse().map_err(|_| bad())?, seed),
        None => (day, text),
    };
    Ok((day, Seed::from_bytes(unbase64(seed).map_err(|_| bad())?)))
}

/// The message on standard input, under the subject given with it.
fn mail(ui: &Ui, args: &Forge, rng: &mut dyn Random) -> Result<Vec<u8>, Error> {
    if stdin().is_terminal() {
        ui.next("write the text, and end it with control-D on a line of its own");
    }
    let text = read_stdin(read::LIMIT / 2)?;
    Ok(match &args.subject {
        None => text,
        Some(subject) => compose(&Draft { subject, text: &text, ..Draft::default() }, rng),
    })
}

/// Whether the arguments name a date that can be.
pub fn date(text: &str) -> Result<When, String> {
    text.parse().map_err(|e: crate::core::when::BadDate| e.to_string())
}
