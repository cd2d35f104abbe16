//! The nodes one listens at, and a letter to oneself through each and back. To a relay it looks like
//! two syncs, one after the other: each fetches the open bucket of one's own prefix and posts as many
//! cells as any sync; the first has the letter among them and the second finds it. A home of the
//! daily class asks for yesterday's bucket alone, as in its daily exchange. A directory gets a letter
//! as it would get any.
//! Specified in poste(1), doctor, and poste-protocol(7), What a sync looks like from outside.

use super::Check;
use super::banned;
use super::files::edit;
use super::letter::{self, Probe};
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::nodes;
use crate::client::sync::BUCKET_LIMIT;
use crate::core::bucket::{Bucket, Class};
use crate::core::card::Card;
use crate::core::clock::TOLERANCE;
use crate::core::plan;
use crate::core::time::{Time, age};
use crate::net::{self, Address, Answer, Cause, Fetched, Heard};
use crate::store::keyring::Transit;

/// What is known of one visit.
struct Visit {
    heard: Heard,
    letter: Check,
}

/// Why a visit failed.
enum Failed {
    /// The node serves nothing to this network.
    Forbidden(Error),
    /// Anything else.
    Else(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Failed {
        Failed::Else(error)
    }
}

impl From<net::Error> for Failed {
    fn from(error: net::Error) -> Failed {
        match error.cause {
            Cause::Forbidden => Failed::Forbidden(error.into()),
            _ => Failed::Else(error.into()),
        }
    }
}

/// Visits each node of the configuration. What they say of the time goes to `witnesses`.
pub(super) fn look(
    env: &mut Env<'_>,
    card: &Card,
    transit: &Transit,
    witnesses: &mut Vec<(String, Time)>,
) -> Vec<Check> {
    let nodes = nodes::own(env);
    let mut checks = Vec::new();
    if nodes.is_empty() {
        let fix = format!("{}  # name one, as nodes", edit(&env.home.places().config_file()));
        checks.push(Check::warn("node", "there is none: letters go by hand alone", fix));
        checks.push(letter::by_oneself(env, card, transit));
    }
    for node in nodes {
        match visit(env, &node, card, transit) {
            Ok(visit) => {
                if let (true, Some(date)) = (visit.heard.trusted, visit.heard.date) {
                    witnesses.push((node.clone(), date));
                }
                checks.push(answered(&node, visit.heard.date, env.now()));
                checks.push(visit.letter);
            }
            Err(Failed::Forbidden(error)) => checks.push(banned::look(env, &node, error)),
            Err(Failed::Else(error)) => {
                let later = "poste doctor  # later; if it stays so, name another node";
                checks.push(Check::fail("node", error, later));
            }
        }
    }
    checks
}

/// A node that answered, and what it says of the time.
fn answered(node: &str, date: Option<Time>, now: Time) -> Check {
    let Some(date) = date else {
        return Check::ok("node", format!("{node} answers"));
    };
    match now.unix().abs_diff(date.unix()) {
        ..=TOLERANCE => Check::ok("node", format!("{node} answers, at {}", date.iso())),
        away => {
            let which = if date < now { "behind" } else { "ahead of" };
            let finding = format!("{node} answers; its clock is {} {which} this one", age(away));
            Check::warn("node", finding, "date -u  # if it is wrong: timedatectl set-ntp true")
        }
    }
}

fn visit(env: &mut Env<'_>, node: &str, card: &Card, transit: &Transit) -> Result<Visit, Failed> {
    let address = env.address(node)?;
    if address.directory().is_none() && card.class == Class::Daily {
        let bucket = Bucket::at(Class::Daily, env.now()).previous();
        let answer =
            env.network.courier(&address, env.rng)?.fetch(bucket, card.listen, BUCKET_LIMIT)?;
        let letter = letter::by_oneself(env, card, transit);
        return Ok(Visit { heard: answer.heard, letter });
    }
    let class = if address.directory().is_some() { Class::Daily } else { Class::Hourly };
    let bucket = Bucket::at(class, env.now());
    let probe = Probe::make(env, card, transit, bucket)?;
    sync(env, &address, bucket, card, Some(&probe))?;
    let answer = sync(env, &address, bucket, card, None)?;
    let verdict = match &answer.body {
        Fetched::Cells(cells) => probe.find(env, card, transit, cells),
        Fetched::NotYet | Fetched::Wiped => None,
    };
    let letter = match verdict {
        Some(verdict) => letter::judged(Some(verdict), &format!("through {node} and back")),
        None => {
            let what = format!("{node} took a letter to oneself, and does not give it back");
            let file = edit(&env.home.places().config_file());
            let fix = format!("{file} && poste publish  # name another node");
            Check::fail("letter", Error::new(Kind::Protocol, what), fix)
        }
    };
    Ok(Visit { heard: answer.heard, letter })
}

/// What a sync does at one node: it fetches, then posts cells and cover up to the pace. A directory
/// gets no cover.
fn sync(
    env: &mut Env<'_>,
    address: &Address,
    bucket: Bucket,
    card: &Card,
    probe: Option<&Probe>,
) -> Result<Answer<Fetched>, Failed> {
    let courier = env.network.courier(address, env.rng)?;
    let answer = courier.fetch(bucket, card.listen, BUCKET_LIMIT)?;
    let node = address.as_str().to_owned();
    let directory = address.directory().is_some();
    let visit: &[String] = if directory { &[] } else { std::slice::from_ref(&node) };
    let letters = probe.map(|probe| (node.clone(), probe.cells.clone())).into_iter().collect();
    let pace = if directory { 0 } else { usize::from(env.config.pace) };
    for post in plan::uploads(bucket, letters, visit, pace, &[], env.rng) {
        courier.post(post.bucket, post.cells.as_flattened())?;
    }
    Ok(answer)
}
