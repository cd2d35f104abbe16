//! Comparing words: each side reads the words of its own fingerprint aloud, and types or compares
//! what it hears. What was typed must be the words of the person pinned here, else nothing is
//! recorded. Specified in poste(1), words.

use super::load;
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::own;
use crate::core::printable;
use crate::core::time::Time;
use crate::store::petname::Petname;
use serde::Serialize;

/// So many letters tell the words of the list apart.
const ENOUGH: usize = 4;

/// Both sides' words.
#[derive(Clone, Debug, Serialize)]
pub struct Words {
    /// Whose.
    pub name: Petname,
    /// Theirs, which they read aloud.
    pub words: String,
    /// One's own, which they hear.
    pub own: String,
    /// Whether they have been compared.
    pub confirmed: bool,
    /// When they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared: Option<Time>,
}

/// The words of a contact, and one's own.
pub fn words(env: &Env<'_>, petname: &Petname) -> Result<Words, Error> {
    let contact = load(env, petname)?;
    Ok(Words {
        name: petname.clone(),
        words: contact.fingerprint.words(),
        own: own::load(env)?.card.fingerprint().words(),
        confirmed: contact.confirmed,
        compared: contact.compared,
    })
}

/// Records that the words were compared; if what was `heard` is given, only if it is theirs.
pub fn confirm(env: &mut Env<'_>, petname: &Petname, heard: Option<&str>) -> Result<Words, Error> {
    let _lock = env.lock()?;
    let mut contact = load(env, petname)?;
    if let Some(heard) = heard {
        same(petname, &contact.fingerprint.words(), heard)?;
    }
    if !contact.confirmed || contact.compared.is_none() {
        contact.confirmed = true;
        contact.compared = Some(env.now().minute());
        contact.save(env.home.places())?;
    }
    words(env, petname)
}

/// Whether somebody who typed what they heard heard these words. Four letters of each will do.
fn same(petname: &Petname, words: &str, heard: &str) -> Result<(), Error> {
    let apart = |c: char| c.is_whitespace() || c == ',';
    let heard: Vec<String> =
        heard.split(apart).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    let words: Vec<&str> = words.split(' ').collect();
    if heard.len() != words.len() {
        let what = format!("{} words were given, not {}", heard.len(), words.len());
        return Err(Error::new(Kind::Usage, what).hint(format!("poste words {petname} --confirm")));
    }
    let is_same = |(word, heard): (&&str, &String)| {
        *word == heard || heard.len() >= ENOUGH && word.starts_with(heard.as_str())
    };
    match words.iter().zip(&heard).position(|pair| !is_same(pair)) {
        None => Ok(()),
        Some(at) => Err(Error::new(
            Kind::Data,
            format!(
                "word {} of {petname} is {}, not {}; nothing was recorded",
                at + 1,
                words[at],
                printable::line(&heard[at])
            ),
        )
        .hint(format!(
            "if that is what {petname} reads, another person's card is pinned: poste block {petname}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: &str =
        "legal winner thank year wave sausage worth useful legal winner thank yellow";

    #[test]
    fn what_is_heard_may_be_abbreviated_but_not_other() {
        let bob: Petname = "bob".parse().unwrap();
        let hears = |heard: &str| same(&bob, WORDS, heard).map_err(|error| error.kind);
        assert_eq!(hears(WORDS), Ok(()));
        assert_eq!(
            hears(" Legal, winn than YEAR wave saus wort usef lega winn than yell\n"),
            Ok(())
        );
        for wrong in [
            "legal winner thank year wave sausage worth useful legal winner thank year",
            "leg winner thank year wave sausage worth useful legal winner thank yellow",
            "legal winner thanks year wave sausage worth useful legal winner thank yellow",
        ] {
            assert_eq!(hears(wrong), Err(Kind::Data), "{wrong}");
        }
        assert_eq!(hears(""), Err(Kind::Usage));
        assert_eq!(hears(&format!("{WORDS} legal")), Err(Kind::Usage));
    }
}
