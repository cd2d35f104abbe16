mod restored;

use super::*;
use crate::core::time::Time;
use proptest::prelude::*;

const NOW: u64 = 1_795_348_800;

fn who(n: u8) -> Fingerprint {
    Fingerprint::from([n; 32])
}

fn now(n: u64) -> Time {
    Time::from_unix(NOW + n)
}

fn says(said: &mut Registers, me: u8, what: Act<'_>) -> Result<(), NotAllowed> {
    let register = act(who(me), who(0), said, what, now(9))?;
    take(said, who(me), register, None);
    Ok(())
}

/// A group of 0 with 1 to `n` in it, and 1 to `keepers` keepers.
fn group(n: u8, keepers: u8) -> Registers {
    let mut said = Registers::new();
    take(&mut said, who(0), founded("family", now(0)).unwrap(), None);
    for person in 1..=n {
        says(&mut said, 0, Act::Invite(who(person))).unwrap();
        says(&mut said, person, Act::Accept).unwrap();
    }
    for person in 1..=keepers {
        says(&mut said, 0, Act::Name(who(person))).unwrap();
    }
    said
}

fn standing(said: &Registers, n: u8) -> Option<Standing> {
    state(who(0), said).standing(&who(n))
}

#[test]
fn people_are_invited_join_leave_are_removed_and_come_back() {
    let mut said = group(0, 0);
    assert_eq!(state(who(0), &said).members(), [who(0)]);
    says(&mut said, 0, Act::Invite(who(1))).unwrap();
    assert_eq!(standing(&said, 1), Some(Standing::Invited));
    says(&mut said, 1, Act::Accept).unwrap();
    assert_eq!(standing(&said, 1), Some(Standing::Member));
    says(&mut said, 1, Act::Leave).unwrap();
    assert_eq!(standing(&said, 1), Some(Standing::Left));
    assert_eq!(says(&mut said, 1, Act::Accept), Err(NotAllowed::NotMember));
    says(&mut said, 0, Act::Invite(who(1))).unwrap();
    assert_eq!(standing(&said, 1), Some(Standing::Invited), "asked anew");
    says(&mut said, 1, Act::Accept).unwrap();
    says(&mut said, 0, Act::Remove(who(1))).unwrap();
    assert_eq!(standing(&said, 1), Some(Standing::Removed));
    assert_eq!(says(&mut said, 1, Act::Accept), Err(NotAllowed::NotMember));
    says(&mut said, 0, Act::Invite(who(1))).unwrap();
    assert_eq!(standing(&said, 1), Some(Standing::Invited), "an old acceptance does not count");
    says(&mut said, 1, Act::Leave).unwrap();
    assert_eq!(standing(&said, 1), Some(Standing::Left), "declined");
}

#[test]
fn an_act_that_changes_nothing_has_no_new_version() {
    let mut said = group(1, 0);
    let before = said.clone();
    says(&mut said, 0, Act::Invite(who(1))).unwrap();
    says(&mut said, 0, Act::Rename("family")).unwrap();
    says(&mut said, 1, Act::Accept).unwrap();
    assert_eq!(said, before);
    let version = said[&who(0)].register.version;
    says(&mut said, 0, Act::Rename("clan")).unwrap();
    assert!(said[&who(0)].register.version > version, "even within a second");
}

#[test]
fn only_those_who_may_have_an_effect() {
    let mut said = group(4, 2);
    for act in [Act::Invite(who(9)), Act::Remove(who(4)), Act::Rename("mine")] {
        assert_eq!(says(&mut said, 3, act), Err(NotAllowed::NotKeeper));
    }
    for act in [Act::Remove(who(2)), Act::Invite(who(2))] {
        assert_eq!(says(&mut said, 1, act), Err(NotAllowed::Keeper));
    }
    for act in [Act::Name(who(3)), Act::Dismiss(who(2))] {
        assert_eq!(says(&mut said, 1, act), Err(NotAllowed::NotCreator));
    }
    assert_eq!(says(&mut said, 1, Act::Remove(who(0))), Err(NotAllowed::Creator));
    assert_eq!(says(&mut said, 0, Act::Remove(who(0))), Err(NotAllowed::Creator));
    assert_eq!(says(&mut said, 9, Act::Leave), Err(NotAllowed::NotMember));
    says(&mut said, 1, Act::Remove(who(4))).unwrap();
    says(&mut said, 2, Act::Rename("clan")).unwrap();
    assert_eq!(standing(&said, 4), Some(Standing::Removed));
    assert_eq!(state(who(0), &said).title, "clan");
}

#[test]
fn a_keeper_who_is_dismissed_leaves_what_counted_and_nothing_else() {
    let mut said = group(3, 1);
    says(&mut said, 1, Act::Invite(who(4))).unwrap();
    says(&mut said, 4, Act::Accept).unwrap();
    says(&mut said, 1, Act::Remove(who(3))).unwrap();
    says(&mut said, 1, Act::Rename("clan")).unwrap();
    let before = state(who(0), &said);
    says(&mut said, 0, Act::Dismiss(who(1))).unwrap();
    let after = state(who(0), &said);
    assert_eq!(after.title, before.title);
    for (person, seat) in &before.people {
        assert_eq!(after.standing(person), Some(seat.standing), "{person}");
    }
    let mut theirs = said[&who(1)].register.clone();
    theirs.version += 1;
    theirs.entries.insert(who(2), Entry { length: 2, keeper: false });
    take(&mut said, who(1), theirs, None);
    assert_eq!(state(who(0), &said), after, "what they say now is nothing");
    says(&mut said, 0, Act::Name(who(2))).unwrap();
    says(&mut said, 0, Act::Remove(who(2))).unwrap();
    assert_eq!(standing(&said, 2), Some(Standing::Removed));
}

#[test]
fn counters_driven_to_their_end_are_taken_back_with_the_keeper() {
    let mut said = group(3, 1);
    let mut theirs = said[&who(1)].register.clone();
    theirs.version += 1;
    theirs.entries.insert(who(2), Entry { length: MOST_LENGTH, keeper: false });
    theirs.entries.insert(who(3), Entry { length: MOST_LENGTH - 1, keeper: false });
    theirs.title = Some(Title { count: MOST_LENGTH, text: "mine".into() });
    take(&mut said, who(1), theirs, None);
    assert_eq!(standing(&said, 3), Some(Standing::Removed));
    assert_eq!(says(&mut said, 0, Act::Rename("ours")), Err(NotAllowed::Worn));
    assert_eq!(says(&mut said, 0, Act::Remove(who(2))), Err(NotAllowed::Worn));
    says(&mut said, 0, Act::Dismiss(who(1))).unwrap();
    says(&mut said, 0, Act::Rename("ours")).unwrap();
    says(&mut said, 0, Act::Invite(who(3))).unwrap();
    says(&mut said, 0, Act::Remove(who(2))).unwrap();
    assert_eq!(state(who(0), &said).title, "ours");
    assert_eq!(standing(&said, 3), Some(Standing::Invited));
    assert_eq!(standing(&said, 2), Some(Standing::Removed));
}

#[test]
fn a_group_is_full_at_its_limits() {
    let mut said = group((MOST_MEMBERS - 1) as u8, 0);
    assert_eq!(says(&mut said, 0, Act::Invite(who(200))), Err(NotAllowed::Full));
    for person in 1..=MOST_KEEPERS as u8 {
        says(&mut said, 0, Act::Name(who(person))).unwrap();
    }
    assert_eq!(says(&mut said, 0, Act::Name(who(40))), Err(NotAllowed::Keepers));
    says(&mut said, 0, Act::Remove(who(50))).unwrap();
    says(&mut said, 0, Act::Invite(who(200))).unwrap();
    // Nobody fills the home with what they say.
    for person in 0..=255 {
        take(&mut said, who(person), Register::default(), None);
    }
    assert_eq!(said.len(), MOST_REGISTERS);
}

#[test]
fn hearsay_counts_until_the_author_speaks() {
    let full = group(2, 0);
    let own = full[&who(0)].register.clone();
    let mut said = Registers::new();
    let old = Register { version: 3, accepted: 1, ..Register::default() };
    assert!(take(&mut said, who(0), own.clone(), Some(who(1))));
    assert!(!take(&mut said, who(0), old.clone(), Some(who(1))));
    assert_eq!(standing(&said, 2), Some(Standing::Invited));
    assert!(take(&mut said, who(0), old, None), "older, but the author's own");
    assert!(!take(&mut said, who(0), own.clone(), Some(who(1))));
    assert_eq!(standing(&said, 2), None);
    assert!(take(&mut said, who(0), own, None));
}

#[test]
fn a_register_is_read_with_its_limits() {
    let read = |text: &str| toml::from_str::<Register>(text).map_err(|e| e.message().to_owned());
    let person = |n: u8| crate::core::encode::base64(&[n; 32]);
    let good = format!(
        "version = 7\naccepted = 1\ntitled = 2\ntitle = \"Family\"\npeople = [\"{} 1\", \"{} 3 keeper\"]\n",
        person(1),
        person(2)
    );
    let register = read(&good).unwrap();
    assert_eq!(register.entries[&who(2)], Entry { length: 3, keeper: true });
    assert_eq!(toml::to_string(&register).unwrap(), good);
    let one = person(1);
    for bad in [
        format!("version = 1\npeople = [\"{one} 1\", \"{one} 2\"]"),
        format!("version = 1\npeople = [\"{one} 0\"]"),
        format!("version = 1\npeople = [\"{one} 01\"]"),
        format!("version = 1\npeople = [\"{one} +1\"]"),
        format!("version = 1\npeople = [\"{one} 1000000\"]"),
        format!("version = 1\npeople = [\"{one} 1 boss\"]"),
        format!("version = 1\npeople = [\"{one} 1 keeper keeper\"]"),
        format!("version = 1\npeople = [\"{one}\"]"),
        format!("version = 1\npeople = [\"{}= 1\"]", one),
        "version = 1\ntitle = \"x\"".to_owned(),
        "version = 1\ntitled = 1".to_owned(),
        "version = 1\ntitled = 1\ntitle = \"\"".to_owned(),
        "version = 1\ntitled = 1\ntitle = \"a\\u001bb\"".to_owned(),
        format!("version = 1\ntitled = 1\ntitle = \"{}\"", "x".repeat(65)),
        "version = 1\nleft = 1000000".to_owned(),
        "accepted = 1".to_owned(),
        "version = -1".to_owned(),
    ] {
        assert!(read(&bad).is_err(), "{bad}");
    }
    let many = |count: usize, end: &str| {
        let line = |n: usize| format!("\"{} 1{end}\"", crate::core::encode::base64(&[n as u8; 32]));
        let lines: Vec<String> = (0..count).map(line).collect();
        read(&format!("version = 1\npeople = [{}]", lines.join(", ")))
    };
    assert!(many(MOST_ENTRIES, "").is_ok() && many(MOST_ENTRIES + 1, "").is_err());
    assert!(many(MOST_KEEPERS, " keeper").is_ok() && many(MOST_KEEPERS + 1, " keeper").is_err());
}

#[test]
fn the_id_names_the_creator_and_the_hash_the_members() {
    assert_ne!(id(&who(1), &[7; 16]), id(&who(2), &[7; 16]));
    let members = [who(1), who(2)];
    assert_eq!(hash(b"x", &members), hash(b"x", &[who(2), who(1), who(1)]));
    assert_ne!(hash(b"x", &members), hash(b"y", &members));
    assert_ne!(hash(b"x", &members), hash(b"x", &members[..1]));
}

#[test]
fn copies_may_differ_while_a_change_travels() {
    let at = |hours: u64| Time::from_unix(NOW + hours * 3600);
    let changed = [at(100), at(300)];
    for (date, settling) in
        [(52, false), (53, true), (100, true), (147, true), (148, false), (253, true), (348, false)]
    {
        assert_eq!(is_settling(&changed, at(date)), settling, "{date}");
    }
    assert!(!is_settling(&[], at(1)));
}

/// Something that happens: somebody acts, or hears what another said at some time.
#[derive(Clone, Debug)]
enum Event {
    Acts(u8, u8, u8),
    Hears(u8, usize),
}

const PEOPLE: u8 = 6;

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0..PEOPLE, 0..8_u8, 0..PEOPLE).prop_map(|(by, what, on)| Event::Acts(by, what, on)),
        (0..PEOPLE, any::<usize>()).prop_map(|(by, which)| Event::Hears(by, which)),
    ]
}

fn what(number: u8, on: u8) -> Act<'static> {
    match number {
        0 | 7 => Act::Accept,
        1 => Act::Leave,
        2 => Act::Remove(who(on)),
        3 => Act::Name(who(on)),
        4 => Act::Dismiss(who(on)),
        5 => Act::Rename(["family", "clan", "kin"][usize::from(on) % 3]),
        _ => Act::Invite(who(on)),
    }
}

proptest! {
    /// Everybody acts by what they have heard; in the end they have heard the newest of all.
    #[test]
    fn all_end_up_alike_whatever_came_when_and_how_often(
        events in prop::collection::vec(event(), 0..120),
        order in any::<u64>(),
    ) {
        let start = group(2, 1);
        let mut views = vec![start.clone(); usize::from(PEOPLE)];
        let mut log: Vec<(Fingerprint, Register)> =
            start.iter().map(|(author, said)| (*author, said.register.clone())).collect();
        for (at, event) in events.iter().enumerate() {
            match *event {
                Event::Acts(by, number, on) => {
                    let view = &mut views[usize::from(by)];
                    let done = act(who(by), who(0), view, what(number, on), now(at as u64));
                    if let Ok(register) = done {
                        log.push((who(by), register.clone()));
                        take(view, who(by), register, None);
                    }
                }
                Event::Hears(by, which) => {
                    let (author, register) = log[which % log.len()].clone();
                    take(&mut views[usize::from(by)], author, register, None);
                }
            }
        }
        for (at, view) in views.iter_mut().enumerate() {
            let mut all = log.clone();
            let turn = order as usize % all.len();
            all.rotate_left((turn + at) % log.len());
            if at % 2 == 0 { all.reverse() }
            for (author, register) in all {
                take(view, author, register, None);
            }
        }
        let first = state(who(0), &views[0]);
        for view in &views {
            prop_assert_eq!(&state(who(0), view), &first);
        }
        prop_assert!(first.standing(&who(0)) != Some(Standing::Removed));
    }

    /// Whatever those say who may not, nobody but themselves stands otherwise for it.
    #[test]
    fn what_nobody_may_say_changes_nothing(
        author in 3..9_u8,
        lines in prop::collection::btree_map(0..9_u8, (1..9_u32, any::<bool>()), 0..9),
        own in (0..9_u32, 0..9_u32),
        count in 1..99_u32,
    ) {
        let mut said = group(4, 2);
        let before = state(who(0), &said);
        let entries = lines.into_iter();
        let entries = entries.map(|(n, (length, keeper))| (who(n), Entry { length, keeper }));
        let register = Register {
            version: u64::MAX >> 1,
            accepted: own.0,
            left: own.1,
            title: Some(Title { count, text: "mine".into() }),
            entries: entries.collect(),
        };
        take(&mut said, who(author), register, None);
        let mut after = state(who(0), &said);
        if let (Some(new), Some(old)) =
            (after.people.get_mut(&who(author)), before.people.get(&who(author)))
        {
            prop_assert!(new.standing != Standing::Removed);
            new.standing = old.standing;
        }
        prop_assert_eq!(after, before);
    }

    /// A keeper touches neither the creator nor another keeper.
    #[test]
    fn keepers_do_not_touch_keepers(
        lines in prop::collection::btree_map(0..9_u8, 1..9_u32, 0..9),
    ) {
        let mut said = group(4, 2);
        let before = state(who(0), &said);
        let mut register = said[&who(1)].register.clone();
        register.version += 1;
        for (n, length) in lines {
            register.entries.insert(who(n), Entry { length, keeper: true });
        }
        take(&mut said, who(1), register, None);
        let after = state(who(0), &said);
        for n in [0, 1, 2] {
            prop_assert_eq!(after.standing(&who(n)), before.standing(&who(n)));
            prop_assert_eq!(after.people[&who(n)].keeper, n > 0);
        }
        prop_assert!(after.people.values().filter(|seat| seat.keeper).count() == 2);
    }
}
