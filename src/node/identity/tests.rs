use super::*;
use crate::core::card::tests::parts;
use crate::core::card::{Card, Disclosed, SignedCard};
use crate::core::keys::{SignPublic, SignSecret};
use crate::core::random::fixed::Fixed;
use crate::core::time::DAY;
use crate::node::log::Log;
use crate::node::tests::{Hands, ask};
use cards::{LONGEST, OpenError, VOLUNTEERS};
use std::path::PathBuf;

struct World {
    _dir: tempfile::TempDir,
    dir: PathBuf,
    clock: Arc<Hands>,
    host: Host,
}

impl World {
    fn new() -> World {
        World::with(64, None)
    }

    fn with(most: usize, per_day: Option<u64>) -> World {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("cards");
        let clock = Arc::new(Hands::at(parts().0.issued.unix() + 60));
        let host = open(&dir, most, per_day, &clock).unwrap();
        World { _dir: parent, dir, clock, host }
    }

    fn restart(self) -> World {
        let World { _dir, dir, clock, host } = self;
        let most = host.cards.most();
        drop(host);
        let host = open(&dir, most, None, &clock).unwrap();
        World { _dir, dir, clock, host }
    }

    fn ask(&self, method: &str, path: &str, body: impl Into<Bytes>) -> (u16, String) {
        let (head, body) = self.answer(method, path, body);
        (head.status.as_u16(), body)
    }

    fn answer(
        &self,
        method: &str,
        path: &str,
        body: impl Into<Bytes>,
    ) -> (hyper::http::response::Parts, String) {
        let role = async |request, peer| self.host.answer(request, peer).await;
        ask((method, path), body, role)
    }

    fn put(&self, card: &SignedCard) -> u16 {
        self.ask("PUT", &path(card), card.text().to_owned()).0
    }

    fn get(&self, card: &SignedCard) -> (u16, String) {
        self.ask("GET", &path(card), "")
    }

    fn pass(&self, seconds: u64) {
        self.clock.pass(seconds);
    }
}

fn open(
    dir: &std::path::Path,
    most: usize,
    per_day: Option<u64>,
    clock: &Arc<Hands>,
) -> Result<Host, OpenError> {
    let cards = Cards::open(dir, most, clock.clone(), Log::Errors)?;
    Ok(Host::new(cards, Allowance::new(per_day), Callers::default()))
}

fn path(card: &SignedCard) -> String {
    format!("/id/{}.toml", card.card.fingerprint())
}

fn card(edit: impl FnOnce(&mut Card)) -> SignedCard {
    let (mut card, sign, _) = parts();
    edit(&mut card);
    card.sign(&sign, None).unwrap()
}

/// The card of somebody else, who is told apart by the number.
fn other(number: u64, edit: impl FnOnce(&mut Card)) -> SignedCard {
    let sign = SignSecret::generate(&mut Fixed::new(1000 + number));
    let public: SignPublic = sign.public();
    let (mut card, _, _) = parts();
    card.sign = public;
    card.listen = crate::core::bucket::Prefix::of(public.fingerprint().as_bytes(), 1);
    edit(&mut card);
    card.sign(&sign, None).unwrap()
}

#[test]
fn the_highest_issued_stands() {
    let world = World::new();
    let first = card(|_| ());
    assert_eq!(world.get(&first).0, 404);
    assert_eq!(world.put(&first), 201);
    assert_eq!(world.get(&first), (200, first.text().to_owned()));
    assert_eq!(world.put(&first), 200, "again, as after an answer that was lost");
    let second = card(|c| c.issued = c.issued + 5);
    assert_eq!(world.put(&second), 200);
    assert_eq!(world.put(&first), 409);
    let twin = card(|c| (c.issued, c.name) = (c.issued + 5, "Alicia".into()));
    assert_eq!(world.put(&twin), 409, "equivocation");
    let lower = card(|c| (c.issued, c.series) = (c.issued + 9, c.series - 1));
    assert_eq!(world.put(&lower), 409, "an older series");
    let end = card(|c| (c.issued, c.end) = (c.issued + 10, true));
    let after = card(|c| c.issued = c.issued + 11);
    assert_eq!(world.get(&first), (200, second.text().to_owned()));
    assert_eq!((world.put(&end), world.put(&after)), (200, 409), "after the last one");
    assert_eq!(world.get(&first), (200, end.text().to_owned()));
}

#[test]
fn a_later_seed_is_taken_and_an_earlier_one_changes_nothing() {
    let world = World::new();
    let (plain, sign, chain) = parts();
    let day = plain.first_day;
    let with = |days| {
        let date = day.plus(days);
        plain.sign(&sign, Some(&Disclosed { date, seed: chain.seed(date).unwrap() })).unwrap()
    };
    let bare = card(|_| ());
    assert_eq!((world.put(&with(0)), world.put(&with(2))), (201, 200));
    for earlier in [with(1), bare.clone()] {
        assert_eq!(world.put(&earlier), 200);
        assert_eq!(world.get(&bare).1, with(2).text());
    }
    let wrong = with(3).text().replace(&format!("date = {}", day.plus(3)), "date = 2026-11-23");
    assert_ne!(wrong, with(3).text());
    assert_eq!(world.ask("PUT", &path(&bare), wrong).0, 400, "a seed of another day");
    let world = world.restart();
    assert_eq!(world.get(&bare).1, with(2).text());
}

#[test]
fn only_the_owner_can_change_what_stands_at_a_fingerprint() {
    let world = World::new();
    let (ours, theirs) = (card(|_| ()), other(1, |_| ()));
    assert_eq!(world.put(&ours), 201);
    assert_eq!(world.ask("PUT", &path(&ours), theirs.text().to_owned()).0, 400);
    let forged = card(|c| c.issued = c.issued + 5).text().replace("Alice", "Mallory");
    assert_eq!(world.ask("PUT", &path(&ours), forged).0, 400);
    for garbage in ["", "card", "\u{0}", "[signature]\n"] {
        assert_eq!(world.ask("PUT", &path(&ours), garbage).0, 400, "{garbage:?}");
    }
    assert_eq!(world.ask("PUT", &path(&ours), vec![b'#'; LIMIT + 1]).0, 413);
    assert_eq!(world.ask("PUT", &path(&ours), vec![b'#'; LIMIT]).0, 400);
    assert_eq!(world.get(&ours), (200, ours.text().to_owned()));
    assert_eq!(std::fs::read_dir(&world.dir).unwrap().count(), 3, "lock, time and one card");
}

#[test]
fn answers_are_plain_and_paths_exact() {
    let world = World::new();
    let ours = card(|_| ());
    world.put(&ours);
    let (head, body) = world.answer("GET", &path(&ours), "");
    assert_eq!(body, ours.text());
    for (name, value) in [
        ("content-type", "text/plain; charset=utf-8"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(head.headers[name], value);
    }
    assert!(!head.headers.contains_key("etag") && head.headers.contains_key("date"));
    let upper = path(&ours).to_uppercase().replace("/ID/", "/id/").replace(".TOML", ".toml");
    for bad in [
        &upper,
        "/",
        "/id/",
        "/id/.toml",
        "/id/../time",
        "/id/time.toml",
        "/v1/volunteers/",
        &path(&ours).replace(".toml", ""),
        &format!("{}/", path(&ours)),
    ] {
        assert_eq!(world.ask("GET", bad, "").0, 404, "{bad}");
    }
    for (method, path) in
        [("POST", path(&ours)), ("DELETE", path(&ours)), ("PUT", "/v1/volunteers".into())]
    {
        let (head, _) = world.answer(method, &path, "");
        assert_eq!(head.status.as_u16(), 405);
        assert!(head.headers["allow"].to_str().unwrap().starts_with("GET, HEAD"));
    }
}

#[test]
fn a_card_goes_when_it_is_over() {
    let world = World::new();
    let short = card(|c| c.expires = c.issued + 100);
    let long = other(1, |c| c.expires = Time::from_unix(u32::MAX.into()));
    assert_eq!((world.put(&short), world.put(&long)), (201, 201));
    world.pass(40);
    assert_eq!(world.get(&short).0, 200, "its last second");
    world.pass(1);
    assert_eq!((world.get(&short).0, world.put(&short)), (404, 409));
    world.host.chores();
    assert_eq!(world.host.cards.count(), 1);
    assert!(!world.dir.join(path(&short).replace("/id/", "")).exists());
    world.pass(LONGEST - DAY);
    assert_eq!(world.get(&long).0, 200);
    world.pass(DAY);
    let world = world.restart();
    assert_eq!((world.get(&long).0, world.host.cards.count()), (404, 0));
    let future =
        other(2, |c| (c.issued, c.expires) = (c.issued + 999 * DAY, c.expires + 999 * DAY));
    assert_eq!(world.put(&future), 409, "issued in the future");
}

#[test]
fn a_full_host_goes_on_for_those_it_has() {
    let world = World::with(2, None);
    assert_eq!(world.put(&card(|_| ())), 201);
    assert_eq!(world.put(&other(1, |_| ())), 201);
    assert_eq!(world.put(&other(2, |_| ())), 507);
    assert_eq!(world.put(&card(|c| c.issued = c.issued + 1)), 200);
    assert_eq!(world.get(&other(2, |_| ())).0, 404);
}

#[test]
fn an_allowance_ends_and_says_when_it_comes_back() {
    let world = World::with(64, Some(4));
    assert_eq!(world.put(&card(|_| ())), 201);
    for _ in 0..3 {
        assert_eq!(world.ask("PUT", &path(&card(|_| ())), "no card").0, 400, "counts all the same");
    }
    let (head, _) = world.answer("PUT", &path(&card(|_| ())), card(|_| ()).text().to_owned());
    assert_eq!(head.status.as_u16(), 429);
    let wait: u64 = head.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=DAY / 4 + 60).contains(&wait), "{wait}");
    assert_eq!(world.get(&card(|_| ())).0, 200, "reading is free");
    world.pass(wait);
    assert_eq!(world.put(&card(|_| ())), 200);
}

#[test]
fn newcomers_count_for_more_as_the_host_fills() {
    let world = World::with(8, Some(20));
    let first = |numbers: std::ops::Range<u64>| {
        numbers.map(|n| world.put(&other(n, |_| ()))).collect::<Vec<_>>()
    };
    // Four at 1 each, then at 2, 4 and 8.
    assert_eq!(first(0..8), [201, 201, 201, 201, 201, 201, 201, 429]);
    assert_eq!(world.put(&other(1, |c| c.issued = c.issued + 1)), 200, "at 1 as ever");
}

#[test]
fn volunteers_are_listed_by_the_link_in_their_card() {
    let world = World::new();
    assert_eq!(world.ask("GET", "/v1/volunteers", ""), (200, String::new()));
    let willing = card(|c| c.cover = true);
    world.put(&willing);
    world.put(&other(1, |_| ()));
    for (number, url) in [(2, "ftp://a.example/x"), (3, "https://a.example/#x"), (4, "")] {
        let card = other(number, |c| {
            c.cover = true;
            c.urls = [url].into_iter().filter(|u| !u.is_empty()).map(str::to_owned).collect();
        });
        assert_eq!(world.put(&card), 201);
    }
    let link = format!("https://a.example/alice.toml#{}\n", willing.card.fingerprint());
    assert_eq!(world.ask("GET", "/v1/volunteers", ""), (200, link.clone()));
    let world = world.restart();
    assert_eq!(world.ask("GET", "/v1/volunteers", "").1, link);
    world.put(&card(|c| c.issued = c.issued + 1));
    assert_eq!(world.ask("GET", "/v1/volunteers", "").1, "", "willing no more");
}

#[test]
fn of_many_volunteers_some_are_drawn() {
    let world = World::with(1000, None);
    let url = format!("https://a.example/{}", "x".repeat(230));
    for number in 0..80 {
        let card = other(number, |c| (c.cover, c.urls) = (true, vec![url.clone()]));
        assert_eq!(world.put(&card), 201);
    }
    let list = world.ask("GET", "/v1/volunteers", "").1;
    assert!((VOLUNTEERS - 400..=VOLUNTEERS).contains(&list.len()), "{} bytes", list.len());
    assert_ne!(world.ask("GET", "/v1/volunteers", "").1, list);
}

#[test]
fn what_a_crash_leaves_goes_and_what_is_damaged_stands_until_the_next_card() {
    let world = World::new();
    let (ours, theirs) = (card(|_| ()), other(1, |_| ()));
    world.put(&ours);
    world.put(&theirs);
    let file = |card: &SignedCard| world.dir.join(path(card).replace("/id/", ""));
    let (kept, half) = (file(&ours), file(&ours).with_extension("new"));
    std::fs::write(&half, "half a card").unwrap();
    let damaged = file(&theirs);
    std::fs::write(&damaged, &theirs.text()[..100]).unwrap();
    let world = world.restart();
    assert!(kept.exists() && !half.exists());
    assert_eq!((world.get(&ours).0, world.get(&theirs).0), (200, 404));
    assert_eq!(world.put(&theirs), 201);
    assert_eq!(world.get(&theirs).0, 200);
}

#[test]
fn a_card_of_which_the_host_was_told_that_it_failed_is_served_once_it_is_put_again() {
    let world = World::new();
    let ours = card(|_| ());
    // The last step of writing has failed: it is there, and not known of.
    std::fs::write(world.dir.join(path(&ours).replace("/id/", "")), ours.text()).unwrap();
    assert_eq!(world.get(&ours).0, 404);
    assert_eq!(world.put(&ours), 200);
    assert_eq!(world.get(&ours), (200, ours.text().to_owned()));
    assert_eq!(world.host.cards.count(), 1);
}

#[test]
fn a_directory_of_something_else_is_refused() {
    let world = World::new();
    let busy = Cards::open(&world.dir, 64, world.clock.clone(), Log::Errors);
    assert!(matches!(busy, Err(OpenError::Busy(_))));
    let World { _dir, dir, clock, host } = world;
    drop(host);
    std::fs::write(dir.join("notes.txt"), "").unwrap();
    let foreign = open(&dir, 64, None, &clock).err().unwrap();
    assert!(
        foreign.to_string().ends_with(
            "notes.txt: does not belong among cards: remove it, or name another directory"
        )
    );
    std::fs::remove_file(dir.join("notes.txt")).unwrap();
    clock.back(DAY);
    let behind = open(&dir, 64, None, &clock).err().unwrap();
    assert!(matches!(&behind, OpenError::Behind(file, _) if file.ends_with("time")), "{behind}");
}
