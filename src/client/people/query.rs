//! Whom a person may mean by part of a name: those who can be written to, by petname, by the name
//! in the card, or by the beginning of the fingerprint; and the groups that one is in, by petname or
//! title. Specified in poste(1), query.

use super::{contacts, state};
use crate::client::env::Env;
use crate::client::error::Error;
use crate::client::groups;
use crate::core::group::Standing;
use crate::core::mail::recipients::DOMAIN;
use crate::core::printable;
use crate::store::contacts::Contact;
use serde::Serialize;

/// Somebody who may be meant.
#[derive(Clone, Debug, Serialize)]
pub struct Address {
    /// `bob@poste`.
    pub address: String,
    /// The name that the card suggests, or the title of a group; else the petname.
    pub name: String,
    /// `confirmed`, `unconfirmed`, `introduced`, `ended` or `group`.
    pub state: &'static str,
}

/// All who match, by petname; everybody if `text` is empty.
pub fn query(env: &Env<'_>, text: &str) -> Result<Vec<Address>, Error> {
    let text = text.trim().to_lowercase();
    // Mail programs ask for what stands in the field already.
    let text = text.strip_suffix(&format!("@{DOMAIN}")).unwrap_or(&text);
    let contacts = contacts(env)?;
    let matches = |contact: &&Contact| {
        contact.petname.as_str().contains(text)
            || contact.card.card.name.to_lowercase().contains(text)
            || text.len() >= 4 && contact.fingerprint.to_string().starts_with(text)
    };
    let address = |contact: &Contact| Address {
        address: format!("{}@{DOMAIN}", contact.petname),
        name: match contact.card.card.name.as_str() {
            "" => contact.petname.to_string(),
            name => printable::line(name),
        },
        state: state(contact),
    };
    let open = contacts.iter().filter(|contact| !contact.blocked);
    let mut found: Vec<Address> = open.filter(matches).map(address).collect();
    let joined = groups::list(env)?.into_iter().filter(|row| row.state == Standing::Member);
    let meant =
        |row: &groups::Row| row.name.contains(text) || row.title.to_lowercase().contains(text);
    found.extend(joined.filter(meant).map(|row| Address {
        address: format!("{}@{DOMAIN}", row.name),
        name: if row.title.is_empty() { row.name } else { printable::line(&row.title) },
        state: "group",
    }));
    Ok(found)
}
