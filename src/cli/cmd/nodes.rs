//! `poste nodes`: the nodes that trackers list, how full they are, and which of them are one's own.
//! Specified in poste(1), nodes.

use crate::cli::Run;
use crate::cli::ui::{Done, Stop};
use crate::client::nodes::{self, Row};

pub fn run(run: &mut Run<'_, '_>) -> Done {
    let (rows, troubles) = nodes::list(run.env)?;
    troubles.iter().for_each(|error| run.ui.warn(&error.what));
    match run.ui.json() {
        true => run.ui.value(&rows)?,
        false => {
            rows.iter().try_for_each(|row| run.ui.columns(&[&row.url, &share(row), row.state]))?
        }
    }
    if run.env.config.trackers.is_empty() {
        let file = run.env.home.places().config_file();
        let file = file.display();
        run.ui.next(&format!("name who lists nodes in {file}, as trackers = [\"https://…\"]"));
    }
    match troubles.into_iter().next() {
        Some(error) => Err(Stop::Silent(error.kind)),
        None => Ok(()),
    }
}

/// How full a node is, in hundredths; nothing is known of what no tracker lists.
fn share(row: &Row) -> String {
    row.saturation.map_or_else(|| "-".to_owned(), |share| format!("{:.0}%", share * 100.0))
}
