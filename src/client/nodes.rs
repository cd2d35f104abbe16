//! Where one listens: the nodes of the configuration, and while fewer than two of them are good,
//! others from the lists of one's trackers, drawn at random by what is free. A choice is kept as
//! long as the node is good. In the same way a few are chosen that one only posts to, with a pace,
//! so that there are as many as a sync visits. Correspondents hear of a change at once, by a new offer; the card says
//! it when one is next signed. Specified in poste-protocol(7), Tracker.

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::own;
use crate::client::renew::rested;
use crate::core::encode::base64;
use crate::core::nodes::{self, Listed};
use crate::core::random::below;
use crate::core::time::HOUR;
use crate::net::{Address, Origin};
use crate::store::chosen::{Choice, Chosen};
use crate::store::progress::Progress;
use serde::Serialize;
use std::collections::BTreeSet;

/// Good nodes that one listens on at least, if trackers know so many.
const LEAST: usize = 2;
/// Addresses that a card names at most.
const MOST: usize = 8;
/// A node that is so full is not chosen, and left for another.
const FULL: f64 = 0.9;
/// A chosen node that has not answered for so many seconds, while others have, is left.
const SILENT: u64 = 6 * HOUR;
/// Without enough good nodes trackers are asked again after this many seconds.
const AGAIN: u64 = HOUR;

/// A node as `poste nodes` shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Where it is.
    pub url: String,
    /// How full it is by the newest report, 0.0 to 1.0; none if no tracker lists it.
    pub saturation: Option<f64>,
    /// Seconds since that report.
    pub age: Option<u64>,
    /// `configured`, `chosen`, or `listed`.
    pub state: &'static str,
}

/// Where one listens: what the configuration names, then what was chosen.
pub fn own(env: &Env<'_>) -> Vec<String> {
    let mut all: Vec<String> = env.config.nodes.iter().map(|n| n.as_str().to_owned()).collect();
    if !env.config.trackers.is_empty() {
        // What cannot be read is chosen anew by the next sync.
        let chosen = Chosen::load(env.home.places()).unwrap_or_default();
        let new = chosen.node.into_iter().map(|choice| choice.url).filter(|url| !all.contains(url));
        all.extend(new.collect::<Vec<_>>());
    }
    all.truncate(MOST);
    all
}

/// The nodes that one posts to beside those that anybody listens on.
pub fn beside(env: &Env<'_>) -> Vec<String> {
    let is_used = env.config.pace > 0 && !env.config.trackers.is_empty();
    let chosen = if is_used { Chosen::load(env.home.places()).ok() } else { None };
    chosen.unwrap_or_default().beside.into_iter().map(|choice| choice.url).collect()
}

/// Chooses nodes if too few are good, and leaves those that are not. `heard` are those that answered
/// in this sync, `relays` those that anybody listens on; the lists are asked for in the daily
/// exchange, and when nodes to listen on are missing. What goes wrong with a tracker is given back.
pub fn refresh(
    env: &mut Env<'_>,
    daily: bool,
    heard: &BTreeSet<String>,
    relays: &BTreeSet<String>,
) -> Result<Vec<Error>, Error> {
    let places = env.home.places().clone();
    let now = env.now();
    let mut chosen = Chosen::load(&places)?;
    if chosen == Chosen::default() && env.config.trackers.is_empty() {
        return Ok(Vec::new());
    }
    let before = chosen.clone();
    for choice in chosen.node.iter_mut().filter(|choice| heard.contains(&choice.url)) {
        choice.answered = now;
    }
    let others_answer = !heard.is_empty();
    let silent = |choice: &Choice| others_answer && now.since(choice.answered) > SILENT;
    let standing = chosen.node.iter().filter(|choice| !silent(choice)).count();
    let few = configured(env).len() + standing < LEAST || standing < chosen.node.len();
    let asks = !env.config.trackers.is_empty() && rested(chosen.asked, now, AGAIN);
    let (lists, troubles) = match asks && (daily || few) {
        true => ask(env),
        false => (Vec::new(), Vec::new()),
    };
    let _lock = env.lock()?;
    if asks && (daily || few) {
        chosen.asked = now;
    }
    let mut left = Vec::new();
    if env.config.trackers.is_empty() {
        left.append(&mut chosen.node);
        chosen.beside.clear();
    } else if !lists.is_empty() {
        left = choose(env, &mut chosen, &lists, &silent);
        choose_beside(env, &mut chosen, &lists, relays);
    }
    if chosen != before {
        let mut progress = Progress::load(&places)?;
        let until = own::listened(now);
        progress.former.extend(left.into_iter().map(|choice| (choice.url, until)));
        // Before the choice: one that is listened on once too often does no harm.
        progress.save(&places)?;
        chosen.save(&places)?;
    }
    Ok(troubles)
}

/// All nodes that trackers list, and one's own.
pub fn list(env: &mut Env<'_>) -> Result<(Vec<Row>, Vec<Error>), Error> {
    let mine = own(env);
    let (lists, troubles) = ask(env);
    let mut all: Vec<Listed> = lists.into_iter().flatten().collect();
    // Of what several trackers say of one node the newest counts.
    all.sort_by(|a, b| (&a.url, a.age).cmp(&(&b.url, b.age)));
    all.dedup_by(|a, b| a.url == b.url);
    let state = |url: &String| match () {
        () if env.config.nodes.iter().any(|node| node.as_str() == url) => "configured",
        () if mine.contains(url) => "chosen",
        () => "listed",
    };
    let unlisted = mine.iter().filter(|url| all.iter().all(|node| node.url != **url));
    let mut rows: Vec<Row> = unlisted
        .map(|url| Row { url: url.clone(), saturation: None, age: None, state: state(url) })
        .collect();
    rows.extend(all.iter().map(|node| Row {
        url: node.url.clone(),
        saturation: Some(node.saturation),
        age: Some(node.age),
        state: state(&node.url),
    }));
    rows.sort_by(|a, b| (a.state == "listed", &a.url).cmp(&(b.state == "listed", &b.url)));
    Ok((rows, troubles))
}

/// The nodes of the configuration that are no directories.
fn configured(env: &Env<'_>) -> Vec<String> {
    let all = env.config.nodes.iter().map(|node| node.as_str().to_owned());
    all.filter(|url| !url.starts_with("file:")).collect()
}

/// The list of each tracker that gives one.
fn ask(env: &mut Env<'_>) -> (Vec<Vec<Listed>>, Vec<Error>) {
    let (mut lists, mut troubles) = (Vec::new(), Vec::new());
    for tracker in env.config.trackers.clone() {
        match ask_one(env, tracker.as_str()) {
            Ok(list) => lists.push(list),
            Err(error) => troubles.push(error),
        }
    }
    (lists, troubles)
}

fn ask_one(env: &mut Env<'_>, tracker: &str) -> Result<Vec<Listed>, Error> {
    let url = format!("{}/v1/nodes", tracker.trim_end_matches('/'));
    let address = Address::parse(&url, Origin::Own)
        .map_err(|error| Error::new(Kind::Config, format!("{url}: {error}")))?;
    let answer = env.network.document(&address, nodes::LIMIT as u64, env.rng)?;
    let list = nodes::read(&answer.body)
        .map_err(|why| Error::new(Kind::Protocol, format!("{url}: no list of nodes: {why}")))?;
    // What cannot be an address for us is as good as not listed.
    Ok(list.into_iter().filter(|node| env.address(&node.url).is_ok()).collect())
}

/// Leaves what is full or silent, as far as others can be had, until enough are good. Gives those
/// that were left.
fn choose(
    env: &mut Env<'_>,
    chosen: &mut Chosen,
    lists: &[Vec<Listed>],
    silent: &dyn Fn(&Choice) -> bool,
) -> Vec<Choice> {
    let is_full = |url: &str| {
        let listed = lists.iter().flatten().filter(|node| node.url == url);
        listed.min_by_key(|node| node.age).is_some_and(|node| node.saturation >= FULL)
    };
    let (good, mut bad): (Vec<Choice>, Vec<Choice>) =
        chosen.node.drain(..).partition(|choice| !silent(choice) && !is_full(&choice.url));
    chosen.node = good;
    let configured = configured(env);
    let standing = configured.iter().filter(|url| !is_full(url)).count();
    while standing + chosen.node.len() < LEAST {
        let known = |node: &&Listed| {
            let key = base64(&node.key);
            let same = |choice: &Choice| choice.url == node.url || choice.key == key;
            configured.contains(&node.url) || chosen.node.iter().chain(&bad).any(same)
        };
        let Some(choice) = draw(env, lists, &known) else {
            // Better a full one than none.
            let missing = LEAST.saturating_sub(standing + chosen.node.len()).min(bad.len());
            chosen.node.extend(bad.drain(..missing));
            break;
        };
        chosen.node.push(choice);
    }
    bad
}

/// Chooses nodes to post to until there are as many as a sync visits. One that is kept stays, so
/// that the nodes are the same whomever one writes to.
fn choose_beside(
    env: &mut Env<'_>,
    chosen: &mut Chosen,
    lists: &[Vec<Listed>],
    relays: &BTreeSet<String>,
) {
    let most = usize::from(env.config.nodes_per_sync);
    let is_new = |choice: &Choice| !relays.contains(&choice.url);
    let own = chosen.node.iter().filter(|choice| is_new(choice)).count();
    while relays.len() + own + chosen.beside.iter().filter(|choice| is_new(choice)).count() < most {
        let known = |node: &&Listed| {
            let key = base64(&node.key);
            let same = |choice: &Choice| choice.url == node.url || choice.key == key;
            relays.contains(&node.url) || chosen.node.iter().chain(&chosen.beside).any(same)
        };
        let Some(choice) = draw(env, lists, &known) else { return };
        chosen.beside.push(choice);
    }
}

/// Notes of the nodes that one only posts to which of them took a batch. One that has `failed`, and
/// has taken none for hours, makes room for another.
pub fn posted(
    env: &Env<'_>,
    heard: &BTreeSet<String>,
    failed: &BTreeSet<String>,
) -> Result<(), Error> {
    if beside(env).is_empty() {
        return Ok(());
    }
    let _lock = env.lock()?;
    let now = env.now();
    let mut chosen = Chosen::load(env.home.places())?;
    let before = chosen.clone();
    chosen.beside.retain_mut(|choice| {
        if failed.contains(&choice.url) {
            return now.since(choice.answered) <= SILENT;
        }
        if heard.contains(&choice.url) {
            choice.answered = now;
        }
        true
    });
    if chosen != before {
        chosen.save(env.home.places())?;
    }
    Ok(())
}

/// Draws a node that has room from the lists, by what is free: one tracker after another, so that
/// none can fill the choice by listing more.
fn draw(
    env: &mut Env<'_>,
    lists: &[Vec<Listed>],
    known: &dyn Fn(&&Listed) -> bool,
) -> Option<Choice> {
    let now = env.now();
    let room = |node: &&Listed| node.saturation < FULL && !known(node);
    let offers: Vec<Vec<&Listed>> =
        lists.iter().map(|list| list.iter().filter(room).collect()).collect();
    let offers: Vec<&Vec<&Listed>> = offers.iter().filter(|offer| !offer.is_empty()).collect();
    if offers.is_empty() {
        return None;
    }
    let which = below(env.rng, offers.len() as u64) as usize;
    let node = nodes::choose(offers[which].iter().copied(), env.rng)?;
    let (url, key) = (node.url.clone(), base64(&node.key));
    Some(Choice { url, key, since: now, answered: now })
}
