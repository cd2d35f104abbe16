//! A group that comes in with an archive. What others are said in it to have said counts as hearsay
//! until they say it themselves, since an archive may be anybody's; one's own word is taken, and
//! said anew. Specified in poste(1), import.

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::{groups, own};
use crate::store::contacts::Contact;
use crate::store::groups::Group;
use crate::store::petname::Petname;

/// Adds a group, or takes what is newer of one. Gives it if it was not known.
pub fn take(
    env: &Env<'_>,
    petname: &Petname,
    text: &str,
    dry_run: bool,
) -> Result<Option<Group>, Error> {
    let places = env.home.places();
    let me = own::load(env)?.card.fingerprint();
    let mut new = Group::parse(places, petname, text)?;
    let (all, _) = Group::load_all(places)?;
    if let Some(mut known) = all.into_iter().find(|known| known.id == new.id) {
        let before = known.said.clone();
        for (author, said) in new.said.into_iter().filter(|(author, _)| *author != me) {
            known.take(author, said.register, Some(me), env.now());
        }
        if known.said != before && !dry_run {
            known.save(places)?;
        }
        return Ok(None);
    }
    groups::not_named(env, petname)?;
    if Contact::load(places, petname)?.is_some() {
        return Err(Error::new(Kind::Data, "somebody has this name"));
    }
    for (author, said) in &mut new.said {
        said.by = (*author != me).then_some(me);
        if *author == me {
            let version = &mut said.register.version;
            *version = env.now().unix().max(version.saturating_add(1));
        }
    }
    new.told.clear();
    if !dry_run {
        new.save(places)?;
    }
    Ok(Some(new))
}
