//! `poste outbox`: what is on its way, in words that are true, and giving a letter up.
//! The addressee of a letter is shown by the petname.
//! Specified in poste(1), outbox.

use crate::cli::Run;
use crate::cli::args::OutboxAction;
use crate::cli::ui::Done;
use crate::client::outbox;
use crate::core::time::age;
use crate::store::outbox::State;

pub fn run(run: &mut Run<'_, '_>, action: Option<OutboxAction>) -> Done {
    if let Some(OutboxAction::Drop { id }) = action {
        let id = outbox::drop(run.env, &id)?;
        run.ui.note(&format!("{id} is not repeated any more; your own copy stays"));
        return Ok(());
    }
    let rows = outbox::list(run.env)?;
    if run.ui.json() {
        return run.ui.value(&rows);
    }
    let now = run.env.now();
    for row in rows {
        let (id, age) = (row.id.to_string(), age(now.since(row.date)));
        let mut columns = vec![id.as_str(), &row.to, word(row.state), &age];
        let about = row.group.as_ref().map(|group| match row.kind {
            "mail" => group.clone(),
            kind => format!("{group} {kind}"),
        });
        let progress = row.cells.map(|cells| format!("{}/{cells}", row.cells_posted));
        columns.extend(progress.as_deref());
        columns.extend(about.as_deref());
        run.ui.columns(&columns)?;
    }
    Ok(())
}

fn word(state: State) -> &'static str {
    match state {
        State::Acknowledged => "acknowledged",
        State::Dropped => "dropped",
        State::Expired => "expired",
        State::Partly => "partly",
        State::Posted => "posted",
        State::Queued => "queued",
    }
}
