//! A blind trial: a thousand letters that came and a thousand messages that never did lie in one
//! tree, with the same texts and dates, and nothing that is stored or exported tells which is which;
//! `verify` least of all (poste-deniability(7)).
//!
//! Forged are those of days not yet disclosed by the reader, with `forge`, `edit` and `import`, and
//! of the others three in five by a third person who has nothing but the two cards as published.
//! Every value is counted in both groups and must be seen as often. Two things are random in the
//! sealed files whatever is given (the `age` crate draws them); their samples may differ by what one
//! pair of samples in 10^10 exceeds.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "trial/exports.rs"]
mod exports;
#[path = "trial/features.rs"]
mod features;
#[path = "trial/past.rs"]
mod past;
#[path = "trial/texts.rs"]
mod texts;
mod world;

use features::{Counts, FEATURES, Found, all, chi_square, counts, distance, same};
use past::{Past, Plan, Way, message_id, plan};
use poste::client::export::Form;
use poste::client::parties::Parties;
use poste::client::verify::{verify, verify_by_cards};
use poste::core::filed::Filed;
use poste::core::time::{DAY, Day};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use world::World;
use world::film::NOW;

/// Mornings and evenings, and messages in each.
const DAYS: u64 = 12;
const EACH: u64 = 42;

/// What came, what never did, and the newest day that both have disclosed.
struct Trial<'w> {
    past: Past<'w>,
    genuine: Vec<Found>,
    forged: Vec<Found>,
    third: usize,
    disclosed: Day,
}

fn trial(world: &World) -> Trial<'_> {
    let mut past = Past::new(world, true);
    let start = world.now().day().plus(1).start();
    let plans = plan(start, DAYS, EACH, 1);
    past.live(&plans);
    let arrived: BTreeSet<PathBuf> = past.arrived().into_iter().map(PathBuf::from).collect();
    assert_eq!(arrived.len(), plans.len(), "every letter came once");

    let disclosed = |name| past.public(name).disclosed.unwrap().date;
    let disclosed = disclosed("alice").min(disclosed("bob"));
    let ways: Vec<(Plan, Way)> =
        plans.iter().map(|plan| (*plan, way(plan, plan.date.day() <= disclosed))).collect();
    past.forge(&ways);
    // The journal of what came keeps names until the next sync.
    past.bob.sync_with(&NOW);
    let made: BTreeSet<PathBuf> = past.arrived().into_iter().map(PathBuf::from).collect();
    assert_eq!(made.len(), plans.len(), "and every forgery");
    let (mut genuine, mut forged) = (Vec::new(), Vec::new());
    for found in all(&past.bob) {
        if arrived.contains(&found.path) {
            genuine.push(found);
        } else if made.contains(&found.path) {
            forged.push(found);
        }
    }
    let third = ways.iter().filter(|(_, way)| *way == Way::Third).count();
    Trial { past, genuine, forged, third, disclosed }
}

fn way(plan: &Plan, is_public: bool) -> Way {
    match plan.number % 5 {
        1..4 if is_public => Way::Third,
        // What comes with foreign headers is given to `forge`, which drops them.
        _ if texts::kind(plan.number) == texts::Kind::Html => Way::Forge,
        0 => Way::Edit,
        2 => Way::Plain,
        _ => Way::Forge,
    }
}

#[test]
fn nothing_tells_a_forged_message_from_one_that_came() {
    let world = World::at("2026-11-22T14");
    let trial = trial(&world);
    let Trial { genuine, forged, .. } = &trial;
    assert_eq!((genuine.len(), forged.len()), (1008, 1008));
    assert!(trial.third >= 500, "{}", trial.third);
    for (what, feature) in FEATURES {
        same(what, &counts(genuine, feature), &counts(forged, feature));
    }
    verdicts(&trial);
    what_is_drawn(genuine, forged);
    exported(&trial);
    remembered(&trial);
}

/// `verify` says the same of both, in the home and with two cards alone, as often for each kind
/// of day.
fn verdicts(trial: &Trial<'_>) {
    let cards = (trial.past.public("alice"), trial.past.public("bob"));
    let judge = |group: &[Found]| {
        let mut counts = Counts::new();
        trial.past.bob.with(|env| {
            let parties = Parties::load(env).unwrap();
            for found in group {
                let head = Filed::read(&found.filed).unwrap().head;
                let class = if head.day <= trial.disclosed { "disclosed" } else { "not yet" };
                let verdict = verify(env, &parties, &found.filed).unwrap();
                let (from, to) = match head.from == cards.0.card.fingerprint() {
                    true => (&cards.0, &cards.1),
                    false => (&cards.1, &cards.0),
                };
                let public = verify_by_cards(from, to, &found.filed).unwrap();
                for (who, verdict) in [("home", verdict), ("public", public)] {
                    let text = format!("{class} {who} {}", verdict.lines().join(" "));
                    *counts.entry(text).or_default() += 1;
                }
            }
        });
        counts
    };
    let (genuine, forged) = (judge(&trial.genuine), judge(&trial.forged));
    same("the verdict", &genuine, &forged);
    let says = |class: &str, what: &str| {
        let of = |(text, n): (&String, &usize)| {
            if text.starts_with(class) && text.contains(what) { *n } else { 0 }
        };
        genuine.iter().map(of).sum::<usize>()
    };
    let all = says("disclosed home", "");
    assert!(all > 700 && all < 1000, "{all}");
    assert_eq!(says("disclosed home", "holds: from"), all);
    assert_eq!(says("disclosed", "Anyone who has the two public cards"), 2 * all);
    assert_eq!(says("not yet home", "holds: from"), 1008 - all);
    assert_eq!(says("not yet public", "nothing can be said"), 1008 - all);
}

/// Random ids are as random in both groups, and so is what the age crate draws.
fn what_is_drawn(genuine: &[Found], forged: &[Found]) {
    for group in [genuine, forged] {
        let heads = group.iter().map(|found| Filed::read(&found.filed).unwrap().head);
        let ids: Vec<String> = heads.map(|head| head.id.to_string()).collect();
        let names: Vec<String> = group.iter().map(|found| found.name.unique()).collect();
        let message_ids = group.iter().map(|found| message_id(&found.filed));
        let message_ids: Vec<String> = message_ids.map(|id| id[1..33].to_owned()).collect();
        for texts in [ids, names, message_ids] {
            assert_eq!(world::distinct(&texts), group.len());
            // Exceeded in 1 of 10^10 cases.
            let chi_square = chi_square(&texts);
            assert!(chi_square < 80.0, "{chi_square}");
        }
    }
    let lengths = |group: &[Found]| {
        group.iter().map(|found| features::header_length(&found.sealed)).collect::<Vec<_>>()
    };
    // 2 exp(-2 c²) at c = 3.5, for samples of this size.
    let most = 3.5 * (2.0 / genuine.len() as f64).sqrt();
    let distance = distance(&lengths(genuine), &lengths(forged));
    assert!(distance < most, "lengths of the headers of age files differ by {distance}");
}

/// Every form of archive shows the same of both.
fn exported(trial: &Trial<'_>) {
    let group: BTreeMap<String, bool> = [(&trial.genuine, true), (&trial.forged, false)]
        .into_iter()
        .flat_map(|(all, genuine)| all.iter().map(move |found| (found, genuine)))
        .flat_map(|(found, genuine)| {
            [(found.name.unique(), genuine), (message_id(&found.filed), genuine)]
        })
        .collect();
    for form in [Form::Sealed, Form::Plain, Form::Mbox] {
        let archive = exports::archive(&trial.past.bob, form);
        let [genuine, forged] = exports::counts(&archive, form, &group);
        same(&format!("{form:?}"), &genuine, &forged);
        assert_eq!(genuine.values().sum::<usize>(), trial.genuine.len(), "{form:?}");
    }
}

/// What is kept beside the messages names what came and what never did in one form, but for what is
/// still to be acknowledged or forgotten: poste-deniability(7) says that this state can tell, and
/// until when.
fn remembered(trial: &Trial<'_>) {
    let [genuine, forged] = kept(trial);
    let seen = |counts: &Counts| {
        let of = counts.iter().filter(|(line, _)| line.starts_with("seen: "));
        of.map(|(line, n)| (line.clone(), *n)).collect::<Counts>()
    };
    same("the journal", &seen(&genuine), &seen(&forged));
    assert_eq!(seen(&forged), forged, "nothing else names what never came");
    let known = ["seen: ", "share/outbox/", "state/peers/"];
    let other = genuine.keys().find(|line| !known.iter().any(|place| line.starts_with(place)));
    assert_eq!(other, None);
    let Past { world, alice, bob, .. } = &trial.past;
    // Each is acknowledged on seven days, and a letter acknowledges at most 256.
    for _ in 0..30 {
        world.pass(DAY);
        [bob, alice, bob].into_iter().for_each(|who| drop(who.sync_with(&NOW)));
    }
    let [genuine, forged] = kept(trial);
    same("what is kept a month later", &genuine, &forged);
}

/// The lines of files beside the mail that name a message, by group: where, and what the line says.
fn kept(trial: &Trial<'_>) -> [Counts; 2] {
    let ids = |group: &[Found]| -> BTreeSet<String> {
        let id = |found: &Found| Filed::read(&found.filed).unwrap().head.id.to_string();
        let names = group.iter().flat_map(|found| {
            [id(found), found.name.unique(), message_id(&found.filed)[1..33].to_owned()]
        });
        names.collect()
    };
    let groups = [ids(&trial.genuine), ids(&trial.forged)];
    let home = trial.past.bob.dir.path().join("home");
    let mut all = [Counts::new(), Counts::new()];
    for item in walkdir::WalkDir::new(&home) {
        let item = item.unwrap();
        let name = item.path().strip_prefix(&home).unwrap().display().to_string();
        if !item.file_type().is_file() || name.contains("/mail/") {
            continue;
        }
        let bytes = std::fs::read(item.path()).unwrap();
        for line in String::from_utf8_lossy(&bytes).lines() {
            for word in line.split(|c: char| !c.is_ascii_alphanumeric()) {
                for (counts, ids) in all.iter_mut().zip(&groups) {
                    if ids.contains(word) {
                        let place = if name.contains("/seen/") { "seen" } else { &name };
                        let line = format!("{place}: {}", line.replace(word, "id"));
                        *counts.entry(line).or_default() += 1;
                    }
                }
            }
        }
    }
    all
}
