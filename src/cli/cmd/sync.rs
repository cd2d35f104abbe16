//! `poste sync`: quiet in cron, a line for people. A node in trouble makes the exit status 75, and
//! is said on a terminal at once, elsewhere only when nobody has answered for long, once a day.
//! Specified in poste(1), sync.

use crate::cli::Run;
use crate::cli::args::Sync;
use crate::cli::cmd::edit;
use crate::cli::ui::{Done, Stop};
use crate::cli::wrong;
use crate::client::error::Kind;
use crate::client::sync::{self, Options, Report};
use crate::core::random::below;
use crate::core::time::Time;
use crate::store::config::{duration, duration_text};
use crate::store::progress::Progress;
use std::thread::sleep;
use std::time::Duration;

pub fn run(run: &mut Run<'_, '_>, args: &Sync) -> Done {
    if let Some(text) = args.jitter.as_ref().filter(|_| !args.dry_run) {
        let most = duration(text).map_err(|e| wrong(format!("--jitter {text}: {e}")))?;
        sleep(Duration::from_secs(below(run.env.rng, most.max(1))));
    }
    let options = Options {
        daily: args.daily,
        now: args.now,
        trust_clock: args.trust_clock,
        dry_run: args.dry_run,
        wait_lock: args.wait_lock,
    };
    if args.now && run.env.config.pace > 0 {
        run.ui.warn("this sync goes without pace: how much is posted shows how much waits");
    }
    let report = sync::sync(run.env, &options)?;
    if !args.dry_run {
        edit::forget(run);
    }
    if run.ui.json() {
        run.ui.value(&report)?;
    } else {
        say(run, &report)?;
    }
    match report.failure() {
        Some(kind) => Err(Stop::Silent(kind)),
        None => Ok(()),
    }
}

fn say(run: &mut Run<'_, '_>, report: &Report) -> Done {
    if report.skipped {
        run.ui.note("another sync is running");
        return Ok(());
    }
    if let Some(warning) = &report.warning {
        run.ui.warn(&run.ui.typed(warning));
    }
    for line in &report.plan {
        run.ui.line(line)?;
    }
    let mends = report.failure().is_some_and(|kind| kind != Kind::Offline);
    if run.ui.talks() || mends {
        report.errors.iter().for_each(|error| run.ui.warn(error));
    } else if report.outage {
        let never = Progress::load(run.env.home.places())?.last_answer == Time::default();
        let long = match never {
            true => "yet".to_owned(),
            false => format!("for {} or more", duration_text(run.env.config.warn_after)),
        };
        let what = format!("no node has answered {long}; see: poste sync -v");
        run.ui.warn(&run.ui.typed(&what));
    }
    if !report.plan.is_empty() {
        return Ok(());
    }
    let letters: usize = report.letters.values().sum();
    let by_folder: Vec<String> =
        report.letters.iter().map(|(folder, count)| format!("{folder} {count}")).collect();
    run.ui.note(&format!(
        "nodes {}/{}   up {} cells   down {} cells   {} acknowledged   {} in the outbox",
        report.answered,
        report.nodes,
        report.posted,
        report.fetched,
        report.acknowledged,
        report.outbox
    ));
    match letters {
        0 => run.ui.note("no new letters"),
        1 => run.ui.note(&format!("1 new letter: {}", by_folder.join(", "))),
        _ => run.ui.note(&format!("{letters} new letters: {}", by_folder.join(", "))),
    }
    if letters > 0 {
        run.ui.next("poste list -u | poste show");
    }
    if report.quarantined > 0 {
        run.ui.note(&format!("{} unproven, in quarantine", report.quarantined));
        run.ui.next("poste quarantine show");
    }
    match report.invitations {
        0 => {}
        1 => run.ui.note("1 invitation to a group"),
        many => run.ui.note(&format!("{many} invitations to groups")),
    }
    if report.invitations > 0 {
        run.ui.next("poste groups");
    }
    Ok(())
}
