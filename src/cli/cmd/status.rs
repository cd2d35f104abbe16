//! `poste status`, and `poste` alone: how things stand, in a dozen lines, and what to do about it.
//! Without a home it says how to begin.
//! Specified in poste(1), status.

use crate::cli::Run;
use crate::cli::ui::{Done, Ui};
use crate::client::status::{self, Status};
use crate::core::clock::Clock;
use crate::core::time::{Time, age};
use crate::store::published::Stopped;

pub fn run(run: &mut Run<'_, '_>) -> Done {
    let status = status::status(run.env)?;
    if run.ui.json() {
        return run.ui.value(&status);
    }
    for (name, text) in lines(&status, run.env.now()) {
        run.ui.line(&format!("{name:<10} {text}"))?;
    }
    if status.card_due || status.unpublished {
        run.ui.next("poste publish");
    }
    if status.invitations > 0 {
        run.ui.next("poste groups");
    }
    Ok(())
}

/// What a person sees who has no home yet.
pub fn first_run(ui: &Ui) -> Done {
    ui.line("there is no home here yet; this makes one:")?;
    ui.line("    poste init --name Alice --node https://relay.example")?;
    ui.line("a first hour with it is described in poste-tour(7)")
}

fn listens(status: &Status) -> String {
    let cost = match status.listen_bytes {
        Some(bytes) => format!("{:.1} MB a day", bytes as f64 / 1e6),
        None => "what it costs is known tomorrow".to_owned(),
    };
    let crowd = match status.listen_crowd {
        Some(0) => "; in no crowd yet".to_owned(),
        Some(crowd) => format!("; in a crowd of about {crowd}"),
        None => String::new(),
    };
    format!("at {}*; {cost}{crowd}", status.listen)
}

fn lines(status: &Status, now: Time) -> Vec<(&'static str, String)> {
    let nodes = match status.nodes.as_slice() {
        [] => "none; name one in config.toml, as nodes".to_owned(),
        some => some.join(" "),
    };
    let nodes = match status.losing.as_slice() {
        [] => nodes,
        losing => format!("{nodes}; letters avoid {}, which lost a cell", losing.join(" ")),
    };
    let ago = |time: Option<Time>| match time {
        Some(time) => format!("{} ({} ago)", time.iso(), age(now.since(time))),
        None => "never".to_owned(),
    };
    let unread: Vec<String> =
        status.unread.iter().map(|(folder, count)| format!("{folder} {count}")).collect();
    let missed = match status.missed {
        0 => "none".to_owned(),
        missed => format!("{missed}; senders repeat what was in them"),
    };
    let clock = match status.clock {
        Clock::Behind => "behind its own record: letters prove nothing until it is right",
        Clock::Contradicted => "contradicted: letters prove nothing until it is right",
        Clock::Good => "good",
        Clock::Unwitnessed => "not confirmed by any node in the last day",
    };
    let clock = match status.contradicting.as_slice() {
        [] => clock.to_owned(),
        some => format!("{clock}; another time have {}", some.join(" ")),
    };
    let card = match (status.card_due, status.unpublished) {
        (true, _) => "; a new one is due",
        (false, true) => "; it is not yet published everywhere",
        (false, false) => "",
    };
    let oldest = match status.oldest {
        Some(date) => format!("; the oldest waits for {}", age(now.since(date))),
        None => String::new(),
    };
    let stopped = status.stopped.map(|stopped| match stopped {
        Stopped::Series => "nothing: the keys of this home are over, newer ones are published",
        Stopped::TwoHomes => {
            "nothing: two homes are alive; stop the other one, then: poste publish --force"
        }
    });
    let mut lines = vec![
        ("identity", status.link.clone()),
        ("words", status.words.clone()),
        ("home", status.home.display().to_string()),
        ("config", status.config.display().to_string()),
        ("nodes", nodes),
        ("listens", listens(status)),
        (
            "last sync",
            format!("{}; last answer {}", ago(status.last_sync), ago(status.last_answer)),
        ),
        ("daily", status.daily_done.clone().unwrap_or_else(|| "never exchanged".to_owned())),
        ("missed", missed),
        ("unread", if unread.is_empty() { "none".to_owned() } else { unread.join(", ") }),
        (
            "outbox",
            format!(
                "{} queued, {} posted, {} expired{oldest}",
                status.queued, status.posted, status.expired
            ),
        ),
        ("card", format!("lists days until {}{card}", status.card_until)),
        (
            "keys",
            format!("prekey until {}, day keys until {}", status.prekey_until, status.chain_until),
        ),
        ("clock", clock),
    ];
    match status.invitations {
        0 => {}
        1 => lines.push(("groups", "1 invitation".to_owned())),
        many => lines.push(("groups", format!("{many} invitations"))),
    }
    if status.drafts > 0 {
        lines.push(("drafts", format!("{} begun and not sent", status.drafts)));
    }
    if let Some(until) = status.unlocked_until {
        let text = format!("until {} (for {})", until.iso(), age(until.since(now)));
        lines.push(("unlocked", text));
    }
    lines.extend(stopped.map(|why| ("sends", why.to_owned())));
    lines
}
