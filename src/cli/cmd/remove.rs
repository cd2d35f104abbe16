//! `poste remove`: a contact becomes a stranger, a group that one is out of is forgotten. Their
//! messages go too, which a person at a terminal is asked about; a script is taken at its word, as by
//! rm(1).
//! Specified in poste(1), remove.

use crate::cli::Run;
use crate::cli::cmd::group;
use crate::cli::ui::Done;
use crate::client::groups::Seated;
use crate::client::people;
use crate::store::petname::Petname;

pub fn run(run: &mut Run<'_, '_>, name: &Petname, keep_mail: bool) -> Done {
    let messages = people::messages(run.env, name)?;
    if messages > 0 && !keep_mail {
        let what = count(messages, "message");
        let question = format!("remove {name}, and delete {what}? [y/N] ");
        if run.prompt.agrees(&question)? == Some(false) {
            run.ui.next(&format!("to keep what {name} wrote: poste remove {name} --keep-mail"));
            run.ui.note("nothing was changed");
            return Ok(());
        }
    }
    let removed = people::remove(run.env, name, keep_mail)?;
    if run.ui.json() {
        return run.ui.value(&removed);
    }
    if removed.letters > 0 {
        run.ui.note(&format!("{} to {name} will not be sent", count(removed.letters, "letter")));
    }
    run.ui.note(&match keep_mail {
        true => format!("{name} is removed; {} stay in the folder", count(messages, "message")),
        false => format!("{name} is removed; {} deleted", count(removed.messages, "message")),
    });
    if removed.card_stays {
        let is_with = |seated: &&Seated| seated.messages;
        let with: Vec<String> =
            removed.groups.iter().filter(is_with).map(|seated| seated.group.to_string()).collect();
        run.ui.note(&format!(
            "the card of {name} stays, by which what they wrote to {} verifies",
            with.join(", ")
        ));
    }
    if let Some(who) = removed.fingerprint {
        group::still_in(run, &removed.groups, name.as_str(), &who.to_string()[..16]);
    }
    if removed.unheard > 0 {
        let people = if removed.unheard == 1 { "1 member" } else { "some members" };
        run.ui.note(&format!("{people} of {name} had not heard yet that you left, and may write"));
    }
    if removed.folder_stays {
        run.ui.warn(&format!("the folder {name} stays: files that are no messages lie in it"));
    }
    Ok(())
}

fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}
