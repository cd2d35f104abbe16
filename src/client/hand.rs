//! Letters carried by hand: sealing one for any courier, and receiving one from a file. The file
//! is an age file to the public prekey; it proves itself until the end of the next day.
//! Specified in poste(1), seal and receive.

use crate::client::arrive::{self, Outcome};
use crate::client::desk::Desk;
use crate::client::dispatch::{self, Cargo, Matter, Sender};
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::{disappear, filing, people, stamps};
use crate::core::bucket::CELL;
use crate::core::cell::LETTER_PARTS;
use crate::core::clock::Clock;
use crate::core::encode::hex;
use crate::core::filed::Head;
use crate::core::hybrid::HybridSecret;
use crate::core::judge::Arrival;
use crate::core::keys::LetterId;
use crate::core::letter;
use crate::core::mail::fields;
use crate::core::mail::outgoing::outgoing;
use crate::core::random::bytes;
use crate::core::seal;
use crate::core::time::Time;
use crate::store::maildir::{Flags, Folder, Name, Place};
use crate::store::peers::Peer;
use crate::store::petname::Petname;
use crate::store::progress;

/// Bytes of a letter by hand at most: what 16 cells could carry.
const LIMIT: usize = 16 * CELL;

/// A letter sealed for any courier.
pub struct Sealed {
    /// The age file.
    pub bytes: Vec<u8>,
    /// Until when it proves to its addressee who wrote it.
    pub proves_until: Time,
}

/// Seals a mail to a contact, and files the own copy.
pub fn seal(env: &mut Env<'_>, to: &Petname, mail: &[u8]) -> Result<Sealed, Error> {
    let contact = people::reachable(env, to)?;
    let id = LetterId::generate(env.rng);
    let stamp = stamps::needed(env, &contact, id, None, false)?;
    let mut desk = Desk::open(env)?;
    desk.troubles.iter().for_each(|error| (env.warn)(&error.what));
    let places = env.home.places().clone();
    let message_id = format!("<{}@poste>", hex(&bytes::<16>(env.rng)));
    let date = env.now().minute();
    let mail = outgoing(&fields::normalize(mail), &message_id)?;
    let mail = disappear::marked(env, to, date, mail);
    let cargo = Cargo {
        id,
        kind: letter::Kind::Mail,
        date,
        mail,
        enclosure: None,
        matter: Matter::Nothing,
        want: None,
        stamp,
        fallback: false,
        with_card: false,
        tries: 0,
        most: usize::from(LETTER_PARTS),
    };
    let sender = Sender::of(env, &desk)?;
    let peer = Peer::load(&places, contact.fingerprint)?;
    let Desk { lock, transit, .. } = &mut desk;
    let bytes = dispatch::by_hand(env, lock, &sender, transit, (&contact, &peer), &cargo)?;
    if bytes.len() > LIMIT {
        let what =
            format!("the letter has {} bytes, more than the {LIMIT} that may be", bytes.len());
        return Err(Error::new(Kind::Data, what).hint("send it in parts, or attach less"));
    }
    let head = Head {
        id: cargo.id,
        day: date.day(),
        from: desk.me.fingerprint(),
        to: vec![contact.fingerprint],
        date,
        group: None,
    };
    let card = &contact.card.card;
    let copy = filing::as_author(&head, &cargo.mail, desk.me, &sender.chain, card)?;
    let (name, folder) = (Name::new(date, env.rng), Folder::from(to));
    filing::deliver(&places, &folder, &name, Place::Cur(Flags::SEEN), &copy, env.rng)?;
    Ok(Sealed { bytes, proves_until: date.day().plus(2).start() })
}

/// Takes a letter from a file. An unproven one is given back and filed nowhere.
pub fn receive(env: &mut Env<'_>, sealed: &[u8], trust_clock: bool) -> Result<Outcome, Error> {
    let mut desk = Desk::open(env)?;
    desk.troubles.iter().for_each(|error| (env.warn)(&error.what));
    let now = env.now();
    let mut secrets: Vec<&HybridSecret> = desk.transit.prekey.iter().map(|p| &p.secret).collect();
    secrets.extend(desk.transit.given.iter().map(|g| &g.prekey));
    let plain = seal::open_any(&secrets, sealed, LIMIT)
        .map(|(_, plain)| plain)
        .map_err(|e| Error::new(Kind::Data, format!("no letter to us: {e}")))?;
    let record = progress::load_clock(env.home.places())?;
    let clock = record.judge(now, trust_clock || env.config.trust_clock);
    let arrival = Arrival { stored: now, clock_is_good: clock == Clock::Good };
    arrive::take_by_hand(env, &mut desk, &plain, arrival)
}
