//! Making attempts: which keys a letter takes to a contact and which nodes it could, what rides
//! along, how large it is, and the cells that come of it. Secrets and counters are on disk before cells are handed out, so
//! whatever happens to them on the way, no number is used twice.
//! Specified in poste-protocol(7), Prekeys, Letter, Cell and Acknowledgement.

mod control;

pub use self::control::is_first;
use self::control::{Offers, control};
use crate::client::desk::Desk;
use crate::client::enclosure::going;
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::renew::{self, OfferDue};
use crate::core::attempt::{self, Author};
use crate::core::bucket::{Bucket, Class};
use crate::core::card::SignedCard;
use crate::core::cell::{self, Cell, Chunk};
use crate::core::chain::Chain;
use crate::core::hybrid::HybridPublic;
use crate::core::keys::{EnclosureId, LetterId, PairSecret};
use crate::core::letter::{self, Enclosure, Group, Introduction, Statement, Want};
use crate::core::plan::Node;
use crate::core::stamp::Stamp;
use crate::core::time::Time;
use crate::store::contacts::Contact;
use crate::store::keyring::Transit;
use crate::store::lock::StateLock;
use crate::store::peers::Peer;
use crate::store::progress::Progress;
use std::collections::BTreeSet;

/// One's own side of every letter.
pub struct Sender {
    /// One's card as it was last signed.
    pub card: SignedCard,
    /// The chain of the series in force.
    pub chain: Chain,
    /// When something in the card last changed that correspondents must know.
    pub material: Time,
    /// Whether the clock allows new offers; what a wrong one dates nobody takes.
    pub renews: bool,
    /// What a new offer names.
    pub nodes: Vec<String>,
    /// Nodes that letters do not go to now.
    pub avoided: Avoided,
}

/// Nodes that letters do not go to.
#[derive(Clone, Debug, Default)]
pub struct Avoided {
    /// They failed to take cells in this sync: nothing more goes there.
    pub failed: BTreeSet<String>,
    /// They lose cells, or failed to give any: what can go elsewhere does.
    pub doubtful: BTreeSet<String>,
}

impl Sender {
    /// One's own side as the desk has it, with the day keys up to tomorrow's close at hand.
    pub fn of(env: &Env<'_>, desk: &Desk) -> Result<Sender, Error> {
        let whole = desk.transit.chain();
        let chain = whole.until(env.now().day().plus(1)).unwrap_or(whole);
        let material = Progress::load(env.home.places())?.material;
        let (renews, nodes) = (!env.clock()?.is_wrong(), renew::offered_nodes(env));
        let avoided = Avoided::default();
        Ok(Sender { card: desk.card.clone(), chain, material, renews, nodes, avoided })
    }
}

/// What is to go out to one person.
#[derive(Clone)]
pub struct Cargo {
    /// The letter's id.
    pub id: LetterId,
    /// What it is for.
    pub kind: letter::Kind,
    /// When it was written.
    pub date: Time,
    /// The mail, or nothing.
    pub mail: Vec<u8>,
    /// The enclosure as which the mail comes.
    pub enclosure: Option<Enclosure>,
    /// What it has to do with a group.
    pub matter: Matter,
    /// What is to be asked for: with a mail only if it costs no cell.
    pub want: Option<Want>,
    /// The stamp, if one was found already.
    pub stamp: Option<Stamp>,
    /// Whether it is sealed to the public prekey, since the offer seems to be lost.
    pub fallback: bool,
    /// Whether the card rides along whatever it costs.
    pub with_card: bool,
    /// Attempts made before this one.
    pub tries: u32,
    /// Cells that it may have at most: what it can do without makes room.
    pub most: usize,
}

/// Where an attempt goes.
pub struct Stop {
    /// At which node.
    pub node: String,
    /// Into which bucket.
    pub bucket: Bucket,
    /// Cells that there is room for.
    pub room: usize,
}

/// What a letter has to do with a group.
#[derive(Clone, Default)]
pub enum Matter {
    /// It is a copy of a letter to it.
    Copy(Group),
    /// It introduces one of it.
    Introduction(Box<Introduction>),
    /// Nothing.
    #[default]
    Nothing,
    /// It says what the author has to say of it.
    Statement(Box<Statement>),
}

/// An attempt ready to be posted.
pub struct Made {
    /// At which node.
    pub node: String,
    /// Into which bucket.
    pub bucket: Bucket,
    /// The cells.
    pub cells: Vec<Cell>,
    /// The numbers of its cells under the pair secret, first and one past the last; none if they
    /// are a stranger's.
    pub numbers: Option<(u32, u32)>,
    /// What it acknowledges.
    pub acks: Vec<LetterId>,
    /// Of which enclosure it asks for cells.
    pub want: Option<EnclosureId>,
    /// Whether it carries an offer.
    pub offer: bool,
    /// Whether it carries the card.
    pub card: bool,
}

/// The keys and places by which a letter reaches its addressee.
struct Route {
    prekey: HybridPublic,
    secret: Option<PairSecret>,
    nodes: Vec<String>,
}

/// The letter in `cargo` as cells for a node's bucket. The keys and the numbers of its cells are
/// saved before it returns. `None`: it needs more room than it was measured to, by the chance that
/// is in the length of every age file, and nothing was used up.
pub fn make(
    env: &mut Env<'_>,
    lock: &StateLock,
    sender: &Sender,
    transit: &mut Transit,
    (contact, peer): (&Contact, &Peer),
    cargo: &Cargo,
    Stop { node, bucket, room }: Stop,
) -> Result<Option<Made>, Error> {
    let route = route(transit, contact, cargo.fallback, env.now());
    let control = control(env, sender, transit, (contact, peer), cargo, bucket, Offers::Made)?;
    let author = Author { sign: sender.card.card.sign, chain: &sender.chain };
    let key = attempt::mac_key(author, &contact.card.card, bucket.day())?;
    let sealed = attempt::sealed(&control, &cargo.mail, &key, &route.prekey, env.rng)?;
    let chunks = attempt::chunks(&sealed, env.rng)?;
    if chunks.len() > room {
        return Ok(None);
    }
    let digits = contact.card.card.listen;
    let (cells, numbers) = match &route.secret {
        Some(secret) => {
            let count = chunks.len() as u32;
            let first = reserve(env, lock, contact, bucket, count)?;
            let numbered = chunks.iter().zip(first..);
            let cell = |(c, n)| cell::pair(secret, bucket, n, digits, c, env.rng);
            (numbered.map(cell).collect(), Some((first, first + count)))
        }
        None => {
            let dh = &contact.card.card.dh;
            let cell = |c| cell::stranger(dh, bucket, digits, c, env.rng);
            (chunks.iter().map(cell).collect(), None)
        }
    };
    Ok(Some(Made {
        node,
        bucket,
        cells,
        numbers,
        want: control.want.as_ref().map(|want| want.id),
        acks: control.acks,
        offer: control.offer.is_some(),
        card: control.card.is_some(),
    }))
}

/// The letter in `cargo` as one age file to the public prekey, for any courier.
pub fn by_hand(
    env: &mut Env<'_>,
    _lock: &StateLock,
    sender: &Sender,
    transit: &mut Transit,
    (contact, peer): (&Contact, &Peer),
    cargo: &Cargo,
) -> Result<Vec<u8>, Error> {
    let bucket = Bucket::at(Class::Daily, env.now());
    let control = control(env, sender, transit, (contact, peer), cargo, bucket, Offers::Made)?;
    let author = Author { sign: sender.card.card.sign, chain: &sender.chain };
    let key = attempt::mac_key(author, &contact.card.card, bucket.day())?;
    Ok(attempt::sealed(&control, &cargo.mail, &key, &contact.card.card.prekey, env.rng)?)
}

/// How many cells the letter in `cargo` takes, and whether its addressee, if still a stranger to us,
/// could take it: theirs must bring the card. Nothing is made, used up or written.
pub fn measure(
    env: &mut Env<'_>,
    sender: &Sender,
    transit: &mut Transit,
    (contact, peer): (&Contact, &Peer),
    cargo: &Cargo,
) -> Result<(usize, bool), Error> {
    let bucket = Bucket::at(Class::Daily, env.now());
    let control = control(env, sender, transit, (contact, peer), cargo, bucket, Offers::Measured)?;
    let is_stranger = going::must_wait(transit, peer, contact.fingerprint);
    Ok((attempt::cells(&control, &cargo.mail), !is_stranger || control.card.is_some()))
}

/// Where a letter, or cells of an enclosure, can go to a contact after `turn` others: their nodes
/// but for those that have failed, the next one first, those in doubt last. As a `fallback` it goes
/// where the card says, else where the offer says.
pub fn nodes(
    env: &Env<'_>,
    transit: &Transit,
    contact: &Contact,
    (turn, fallback): (u32, bool),
    avoided: &Avoided,
) -> Result<Vec<Node>, Error> {
    let route = route(transit, contact, fallback, env.now());
    let mut nodes: Vec<Node> = Vec::new();
    for address in route.nodes.iter().filter_map(|url| env.address(url).ok()) {
        let directory = address.directory().is_some();
        nodes.push(Node { url: address.as_str().to_owned(), directory });
    }
    if nodes.is_empty() {
        let what = format!("{} names no node that can be used", contact.petname);
        let hint = format!("poste seal --to {}", contact.petname);
        return Err(Error::new(Kind::Offline, what).hint(hint));
    }
    let next = turn as usize % nodes.len();
    nodes.rotate_left(next);
    nodes.retain(|node| !avoided.failed.contains(&node.url));
    nodes.sort_by_key(|node| avoided.doubtful.contains(&node.url));
    Ok(nodes)
}

/// Parts of an enclosure as cells for a node's bucket, under the contact's offer. The numbers of
/// the cells are saved before it returns.
pub fn make_cells(
    env: &mut Env<'_>,
    lock: &StateLock,
    transit: &Transit,
    contact: &Contact,
    (node, bucket): (String, Bucket),
    parts: &[Chunk],
) -> Result<Made, Error> {
    let offer = transit.usable_offer(contact.fingerprint, env.now());
    let offer = offer.ok_or_else(|| Error::new(Kind::Bug, "cells without an offer"))?;
    let count = parts.len() as u32;
    let first = reserve(env, lock, contact, bucket, count)?;
    let digits = contact.card.card.listen;
    let cell = |(part, n)| cell::pair(&offer.secret, bucket, n, digits, part, env.rng);
    let cells = parts.iter().zip(first..).map(cell).collect();
    Ok(Made {
        node,
        bucket,
        cells,
        numbers: Some((first, first + count)),
        acks: Vec::new(),
        want: None,
        offer: false,
        card: false,
    })
}

/// Whether the contact is to get a control letter, and whether one with the card.
pub fn control_due(
    sender: &Sender,
    transit: &Transit,
    contact: &Contact,
    peer: &Peer,
    now: Time,
) -> (bool, bool) {
    if peer.card_seen == Time::default() {
        return (false, false);
    }
    let offer =
        renew::offer_due((sender.renews, &sender.nodes), transit, contact.fingerprint, peer, now);
    (offer != OfferDue::None || !peer.acks.is_empty(), renew::card_due(sender, peer, now))
}

/// The first of `count` numbers for cells to the contact, on disk before it is handed out. Of the
/// peer's file nothing else changes: whether a letter was taken is not known yet.
fn reserve(
    env: &Env<'_>,
    _lock: &StateLock,
    contact: &Contact,
    bucket: Bucket,
    count: u32,
) -> Result<u32, Error> {
    let places = env.home.places();
    let mut peer = Peer::load(places, contact.fingerprint)?;
    let first = peer.reserve(bucket, count, env.now()).ok_or_else(|| {
        let what = format!("too many cells for {bucket} were lost; it goes with the next bucket");
        Error::new(Kind::Offline, what)
    })?;
    peer.save(places, contact.fingerprint)?;
    Ok(first)
}

fn route(transit: &Transit, contact: &Contact, fallback: bool, now: Time) -> Route {
    let card = &contact.card.card;
    match transit.usable_offer(contact.fingerprint, now).filter(|_| !fallback) {
        Some(offer) => Route {
            prekey: offer.prekey.clone(),
            secret: Some(offer.secret.clone()),
            nodes: if offer.nodes.is_empty() { card.nodes.clone() } else { offer.nodes.clone() },
        },
        None => Route { prekey: card.prekey.clone(), secret: None, nodes: card.nodes.clone() },
    }
}
