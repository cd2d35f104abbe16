//! `poste group …` and `poste groups`: founding groups, asking people in and taking them out, and
//! who is in them. What others wrote, as a title, reaches the terminal only once it is printable.
//! Specified in poste(1), Groups.

use crate::cli::Run;
use crate::cli::args::GroupAction;
use crate::cli::ui::Done;
use crate::client::error::Error;
use crate::client::groups::{self, Changed, MemberRow, Part, Row, Seated};
use crate::core::group::Standing;
use crate::store::petname::Petname;

pub fn run(run: &mut Run<'_, '_>, action: GroupAction) -> Done {
    let changed = match &action {
        GroupAction::New { group, members } => groups::found(run.env, group, members)?,
        GroupAction::Add { group, members } => part(run, group, Part::Add, members)?,
        GroupAction::Remove { group, members } => part(run, group, Part::Remove, members)?,
        GroupAction::Keeper { remove: false, group, members } => {
            part(run, group, Part::Keep, members)?
        }
        GroupAction::Keeper { remove: true, group, members } => {
            part(run, group, Part::Dismiss, members)?
        }
        GroupAction::Leave { group } => groups::leave(run.env, group)?,
        GroupAction::Rename { group, title } => groups::change(run.env, group, title)?,
    };
    tell(run, &changed)
}

/// Says how a group is after a change.
pub fn tell(run: &mut Run<'_, '_>, changed: &Changed) -> Done {
    if run.ui.json() {
        return run.ui.value(changed);
    }
    members(run, &changed.group)?;
    if changed.dropped > 0 {
        let letters = if changed.dropped == 1 { "letter" } else { "letters" };
        run.ui.note(&format!("{} {letters} to the group will not be sent", changed.dropped));
    }
    if let Some(moved) = &changed.moved {
        run.ui.note(&format!("the group that was called so is called {moved} now"));
    }
    run.ui.note("the others hear of it with the next sync");
    Ok(())
}

pub fn list(run: &mut Run<'_, '_>, name: Option<&Petname>) -> Done {
    let rows = match name {
        None => groups::list(run.env)?,
        Some(name) => {
            groups::load(run.env, name)?;
            let mut rows = groups::list(run.env)?;
            rows.retain(|row| row.name == name.as_str());
            rows
        }
    };
    if run.ui.json() {
        return run.ui.value(&rows);
    }
    if name.is_some() {
        return rows.iter().try_for_each(|row| members(run, row));
    }
    let invited = rows.iter().find(|row| is_open(row)).map(|row| {
        let known = !row.id.to_string().starts_with(&row.name);
        (row.name.clone(), if known { row.name.clone() } else { "NAME".to_owned() })
    });
    for row in rows {
        let inside = |member: &&MemberRow| !matches!(member.state, "left" | "removed" | "invited");
        let names: Vec<&str> =
            row.people.iter().filter(inside).map(|member| member.name.as_str()).collect();
        run.ui.columns(&[&row.name, &row.title, word(&row), &names.join(",")])?;
    }
    if let Some((id, name)) = invited {
        run.ui.next(&format!("poste accept {id} {name}"));
        run.ui.next(&format!("poste group leave {id}"));
    }
    Ok(())
}

fn part(
    run: &mut Run<'_, '_>,
    group: &Petname,
    part: Part,
    members: &[Petname],
) -> Result<Changed, Error> {
    groups::part(run.env, group, part, members)
}

/// Says of somebody who was removed in which groups the keys still are, and how to take them out.
pub fn still_in(run: &Run<'_, '_>, groups: &[Seated], name: &str, digits: &str) {
    for Seated { group, mine, .. } in groups.iter().filter(|seated| seated.inside) {
        run.ui.note(&format!("{name} is still in {group}, and gets no copies from here"));
        match mine {
            true => run.ui.next(&format!("poste group remove {group} {digits}")),
            false => run.ui.note(&format!("who keeps {group} can take {name} out")),
        }
    }
}

/// One line each: name, how they stand to it, and whether they have said so themselves or who
/// they were when they were a contact.
fn members(run: &Run<'_, '_>, row: &Row) -> Done {
    for member in &row.people {
        let hearsay = member.hearsay.then(|| "hearsay".to_owned());
        let was = member.was.as_ref().map(|was| format!("was {was}"));
        let notes: Vec<String> = hearsay.into_iter().chain(was).collect();
        run.ui.columns(&[&member.name, member.state, &notes.join(", ")])?;
    }
    Ok(())
}

/// Whether it is an invitation that waits.
fn is_open(row: &Row) -> bool {
    row.state == Standing::Invited
}

fn word(row: &Row) -> &'static str {
    match row.state {
        Standing::Invited => "invited",
        Standing::Left => "left",
        Standing::Member => "member",
        Standing::Removed => "removed",
    }
}
