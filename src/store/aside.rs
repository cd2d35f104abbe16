//! Damaged state whose loss costs only repeats stops nothing: it is set aside as `<name>.damaged`,
//! for whoever wants to look, and begun anew. That holds for the cursors, for chosen nodes, for cover
//! conversations, for what is remembered of the time and of the exchange with each person, and for
//! the lists of unproven letters, which without it lie in quarantine until somebody deletes them,
//! and of messages that disappear, which without it stay. It never holds for keys, contacts, requests, the outbox or the journal of letters seen: what they say cannot be had again.
//! Specified in poste-files(5), State.

use super::atomic;
use super::chosen::Chosen;
use super::cover::Cover;
use super::error::{Error, Kind};
use super::expiring::Expiring;
use super::home::Places;
use super::lock::StateLock;
use super::peers::{self, Peer};
use super::progress::{self, Progress};
use super::quarantine;

/// Sets aside what is damaged. Gives what was wrong with each file.
pub fn set_aside(places: &Places, _lock: &StateLock) -> Result<Vec<Error>, Error> {
    let mut aside = Vec::new();
    let read = [
        Progress::load(places).err(),
        progress::load_clock(places).err(),
        quarantine::List::load(places).err(),
        Chosen::load(places).err(),
        Cover::load(places).err(),
        Expiring::load(places).err(),
    ];
    let of_people = peers::people(places)?.into_iter().map(|who| Peer::load(places, who).err());
    for error in read.into_iter().chain(of_people).flatten() {
        if error.kind() != Kind::Damaged {
            return Err(error);
        }
        atomic::rename(&error.path, &error.path.with_extension("toml.damaged"))?;
        aside.push(error);
    }
    Ok(aside)
}

#[cfg(test)]
mod tests {
    use super::super::home::tests::scratch_home;
    use super::*;
    use crate::core::keys::Fingerprint;
    use std::fs;

    #[test]
    fn damaged_state_is_set_aside_and_whole_state_stays() {
        let (_dir, home) = scratch_home();
        let places = home.places();
        let lock = StateLock::wait(&home, None).unwrap();
        let [alice, bob] = [1, 2].map(|n| Fingerprint::from([n; 32]));
        for who in [alice, bob] {
            Peer::default().save(places, who).unwrap();
        }
        Progress::default().save(places).unwrap();
        assert!(set_aside(places, &lock).unwrap().is_empty());
        let of_bob = places.state().join(format!("peers/{bob}.toml"));
        let list = places.state().join("quarantine.toml");
        let ours = places.expiring();
        for path in [&places.cursors(), &places.clock(), &list, &ours, &of_bob] {
            fs::write(path, b"latest = \0\n").unwrap();
        }
        fs::write(places.cursors().with_extension("toml.damaged"), b"an older one").unwrap();
        let wrong = set_aside(places, &lock).unwrap();
        let paths: Vec<_> = wrong.iter().map(|error| error.path.clone()).collect();
        assert_eq!(paths, [places.cursors(), places.clock(), list, ours, of_bob]);
        for path in paths {
            let aside = path.with_extension("toml.damaged");
            assert_eq!(fs::read(aside).unwrap(), b"latest = \0\n");
            assert!(!path.exists());
        }
        assert!(set_aside(places, &lock).unwrap().is_empty());
        assert_eq!(peers::people(places).unwrap(), [alice]);
    }
}
