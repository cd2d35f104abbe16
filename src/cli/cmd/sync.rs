//! `poste sync`: quiet in cron, a line for people. A node in trouble makes the exit status 75, and
//! is said on a terminal at once, elsewhere only when nobody has answered for long, once a day.
//! Specified in poste(1), sync.

use crate::cli::Run;
use crate::cli::args::Sync;
use crate::cli::cmd::edit;
use crate::cli::ui::{Done, Stop};
use crate::cli::wrong;
use crate::client::error::{Error, Kind};
use crate::client::sync::{self, Options, Report};
use crate::core::random::{Random, below};
use crate::core::time::Time;
use crate::store::config::{duration, duration_text};
use crate::store::progress::Progress;
use std::thread::sleep;
use std::time::Duration;

pub fn run(run: &mut Run<'_, '_>, args: &Sync) -> Done {
    if let Some(text) = &args.jitter {
        let first = jitter(text, run.env.rng)?;
        sleep(if args.dry_run { Duration::ZERO } else { first });
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

/// A random part of a duration, in whole seconds and less than all of it.
fn jitter(text: &str, rng: &mut dyn Random) -> Result<Duration, Error> {
    let most = duration(text).map_err(|e| wrong(format!("--jitter {text}: {e}")))?;
    Ok(Duration::from_secs(below(rng, most.max(1))))
}

fn say(run: &mut Run<'_, '_>, report: &Report) -> Done {
    if report.skipped {
        run.ui.note("another sync is running, or a hook of one");
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
        report.errors.iter().for_each(|error| run.ui.warn(&run.ui.typed(error)));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::random::fixed::Fixed;

    #[test]
    fn jitter_is_any_part_of_its_duration_and_never_all_of_it() {
        let mut rng = Fixed::new(3);
        let mut drawn = |text| jitter(text, &mut rng).unwrap().as_secs();
        assert_eq!((drawn("0s"), drawn("1s")), (0, 0));
        let parts: Vec<u64> = (0..2000).map(|_| drawn("13m")).collect();
        assert!(parts.iter().all(|part| *part < 13 * 60), "{parts:?}");
        // Each of thirteen minutes is as likely as another.
        for minute in 0..13 {
            let count = parts.iter().filter(|part| **part / 60 == minute).count();
            assert!((90..220).contains(&count), "{minute}: {count}");
        }
        for text in ["", "13", "m", "-1s", "13 minutes"] {
            let error = jitter(text, &mut rng).unwrap_err();
            assert_eq!(error.kind, Kind::Usage, "{text}");
        }
    }
}
