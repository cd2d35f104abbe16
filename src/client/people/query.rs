//! Whom a person may mean by part of a name: those who can be written to, by petname, by the name
//! in the card, or by the beginning of the fingerprint. Specified in poste(1), query.

use super::{contacts, state};
use crate::client::env::Env;
use crate::client::error::Error;
use crate::core::mail::recipients::DOMAIN;
use crate::core::printable;
use crate::store::contacts::Contact;
use serde::Serialize;

/// Somebody who may be meant.
#[derive(Clone, Debug, Serialize)]
pub struct Address {
    /// `bob@poste`.
    pub address: String,
    /// The name that the card suggests, else the petname.
    pub name: String,
    /// `confirmed`, `unconfirmed` or `ended`.
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
    Ok(open.filter(matches).map(address).collect())
}
