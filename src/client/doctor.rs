//! `doctor`: looks at everything that could keep letters from coming and going, and says for each
//! what it found and, where something is wrong, what to type. It changes nothing in the home and
//! mends nothing. What it asks of the network is what two syncs, one after the other, would ask,
//! and what `publish --check` asks.
//! Specified in poste(1), doctor.

mod banned;
mod card;
mod exchange;
mod files;
mod letter;
mod standing;

pub use files::{left_texts, preconditions};

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::{own, status};
use crate::store::keyring::Transit;
use serde::Serialize;

/// What one look found.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// How it is.
    pub level: Level,
    /// What was found, in one line.
    pub finding: String,
    /// What to do, a line that can be typed or read; always there if it is not well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    #[serde(skip)]
    kind: Option<Kind>,
}

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Well.
    Ok,
    /// It works, and something is to be done or known.
    Warn,
    /// It does not work.
    Fail,
}

impl Level {
    /// `ok`, `warn` or `fail`.
    pub fn word(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Fail => "fail",
        }
    }
}

impl Check {
    fn ok(name: &'static str, finding: impl Into<String>) -> Check {
        Check { name, level: Level::Ok, finding: finding.into(), fix: None, kind: None }
    }

    fn warn(name: &'static str, finding: impl Into<String>, fix: impl Into<String>) -> Check {
        let fix = Some(fix.into());
        Check { name, level: Level::Warn, finding: finding.into(), fix, kind: None }
    }

    /// A failure; the first hint of the error is what to do, else `fix`.
    fn fail(name: &'static str, error: impl Into<Error>, fix: impl Into<String>) -> Check {
        let Error { kind, what, hints } = error.into();
        let fix = Some(hints.into_iter().next().unwrap_or_else(|| fix.into()));
        Check { name, level: Level::Fail, finding: what, fix, kind: Some(kind) }
    }
}

/// The failure that decides the exit status: what the user must mend is worse than a node that is
/// in trouble.
pub fn worst(checks: &[Check]) -> Option<Kind> {
    let of_a_node = |kind: &Kind| matches!(kind, Kind::Offline | Kind::Refused | Kind::Protocol);
    let kinds = || checks.iter().filter_map(|check| check.kind);
    kinds().find(|kind| !of_a_node(kind)).or_else(|| kinds().next())
}

/// Looks at everything but what [`preconditions`] has looked at, the network only if `online`.
pub fn examine(env: &mut Env<'_>, online: bool) -> Vec<Check> {
    let mut checks = files::look(env);
    if worst(&checks).is_some() {
        // What the rest stands on is not sound, and would be told of once more.
        return checks;
    }
    let loaded = Transit::load(env.home.places())
        .map_err(Error::from)
        .and_then(|transit| Ok((transit, own::load(env)?, status::status(env)?)));
    let (transit, card, status) = match loaded {
        Ok(loaded) => loaded,
        Err(error) => {
            checks.push(Check::fail("home", error, "poste status"));
            return checks;
        }
    };
    checks.extend(standing::look(env, &card.card, &status));
    let mut witnesses = Vec::new();
    if online {
        checks.extend(exchange::look(env, &card.card, &transit, &mut witnesses));
        checks.extend(card::look(env, &card));
    } else {
        checks.push(letter::by_oneself(env, &card.card, &transit));
    }
    checks.push(standing::clock(env, &witnesses));
    checks
}
