//! What a home says anew that was restored from a backup, and registers joined in any order.

use super::*;

fn entry(length: u32) -> Entry {
    Entry { length, keeper: false }
}

/// What a home says that went back to `old`: all of it, under a version above what it had said.
fn anew(said: &Registers, author: u8, old: &Register) -> Register {
    let version = said[&who(author)].register.version + 9;
    Register { version, ..old.clone() }
}

#[test]
fn an_old_register_under_a_new_version_brings_nobody_back() {
    let mut said = group(3, 1);
    let backup = said.clone();
    says(&mut said, 0, Act::Remove(who(3))).unwrap();
    says(&mut said, 0, Act::Rename("kin")).unwrap();
    says(&mut said, 0, Act::Invite(who(4))).unwrap();
    says(&mut said, 2, Act::Leave).unwrap();
    let before = state(who(0), &said);
    for author in 0..=3 {
        let old = anew(&said, author, &backup[&who(author)].register);
        assert!(take(&mut said, who(author), old, None), "its version is news");
    }
    assert_eq!(state(who(0), &said), before);
}

#[test]
fn a_keeper_who_was_removed_is_none_by_an_old_word() {
    let mut said = group(3, 2);
    let backup = said[&who(0)].register.clone();
    says(&mut said, 0, Act::Remove(who(1))).unwrap();
    let old = anew(&said, 0, &backup);
    take(&mut said, who(0), old, None);
    let mut theirs = said[&who(1)].register.clone();
    theirs.version += 1;
    theirs.entries.insert(who(3), entry(2));
    take(&mut said, who(1), theirs, None);
    assert_eq!(standing(&said, 1), Some(Standing::Removed));
    assert_eq!(standing(&said, 3), Some(Standing::Member), "they have no say");
    assert!(state(who(0), &said).people[&who(2)].keeper);
}

#[test]
fn what_a_restored_home_does_counts_above_all_that_it_had_counted() {
    let mut others = group(2, 0);
    let mut own = others.clone();
    for act in [Act::Remove(who(1)), Act::Invite(who(1)), Act::Rename("a"), Act::Rename("b")] {
        says(&mut others, 0, act).unwrap();
    }
    says(&mut others, 1, Act::Accept).unwrap();
    let old = anew(&others, 0, &own[&who(0)].register);
    take(&mut own, who(0), old, None);
    for act in [Act::Remove(who(1)), Act::Rename("kin"), Act::Invite(who(2))] {
        let register = act_restored(who(0), who(0), &own, act, now(99)).unwrap();
        take(&mut own, who(0), register.clone(), None);
        take(&mut others, who(0), register, None);
    }
    for view in [&own, &others] {
        assert_eq!(standing(view, 1), Some(Standing::Removed));
        assert_eq!(standing(view, 2), Some(Standing::Member), "was in anyway");
        assert_eq!(state(who(0), view).title, "kin");
    }
    let length = own[&who(0)].register.entries[&who(1)].length;
    assert_eq!(u64::from(length), 2 * (NOW / 86_400));
    // It goes on from there.
    says(&mut own, 0, Act::Invite(who(1))).unwrap();
    assert_eq!(own[&who(0)].register.entries[&who(1)].length, length + 1);
}

#[test]
fn nobody_counts_on_from_where_a_keeper_has_driven_a_counter() {
    let mut said = group(4, 2);
    let mut theirs = said[&who(1)].register.clone();
    theirs.version += 1;
    theirs.title = Some(Title { count: MOST_LENGTH - 3, text: "mine".into() });
    theirs.entries.insert(who(3), entry(MOST_LENGTH - 2));
    theirs.entries.insert(who(4), entry(MOST_LENGTH - 3));
    take(&mut said, who(1), theirs, None);
    assert_eq!(standing(&said, 4), Some(Standing::Removed));
    for by in [0, 2] {
        for act in [Act::Remove(who(3)), Act::Invite(who(4)), Act::Rename("ours")] {
            assert_eq!(says(&mut said, by, act), Err(NotAllowed::Worn), "{act:?}");
        }
    }
    // Who leaves there may be asked in above it, since what they said of themselves stays.
    says(&mut said, 3, Act::Accept).unwrap();
    says(&mut said, 3, Act::Leave).unwrap();
    says(&mut said, 0, Act::Dismiss(who(1))).unwrap();
    for act in [Act::Invite(who(3)), Act::Invite(who(4)), Act::Rename("ours")] {
        says(&mut said, 0, act).unwrap();
    }
    assert_eq!(standing(&said, 3), Some(Standing::Invited));
    assert_eq!(standing(&said, 4), Some(Standing::Invited));
    assert_eq!(state(who(0), &said).title, "ours");
}

#[test]
fn who_has_left_and_was_taken_out_is_not_asked_in_by_being_removed() {
    let mut said = group(1, 0);
    says(&mut said, 1, Act::Leave).unwrap();
    for _ in 0..3 {
        says(&mut said, 0, Act::Remove(who(1))).unwrap();
        assert_eq!(standing(&said, 1), Some(Standing::Left));
    }
}

#[test]
fn a_full_group_forgets_what_those_said_who_are_out() {
    let mut said = group(3, 0);
    says(&mut said, 3, Act::Leave).unwrap();
    let mut own = said[&who(0)].register.clone();
    own.version += 1;
    // The creator speaks of as many as can be, and asks two of them in at last.
    let count = MOST_ENTRIES as u8;
    let length = |n: u8| if n <= 3 || n + 2 > count { 1 } else { 2 };
    own.entries = (1..=count).map(|n| (who(n), entry(length(n)))).collect();
    take(&mut said, who(0), own, None);
    for n in 4..=count {
        let accepted = Register { version: u64::from(n), accepted: 1, ..Register::default() };
        assert!(make_room(&mut said, who(0), who(2), who(n)));
        assert!(take(&mut said, who(n), accepted, None), "{n}");
    }
    assert_eq!(said.len(), MOST_REGISTERS, "the creator and all");
    assert_eq!(standing(&said, count), Some(Standing::Member));
    // One more, of whom a keeper may have spoken.
    assert!(make_room(&mut said, who(0), who(2), who(200)));
    assert!(make_room(&mut said, who(0), who(2), who(200)), "once");
    assert_eq!(said.len(), MOST_REGISTERS - 1);
    assert!(!said.contains_key(&who(4)), "of those who are out, the one silent for longest");
    // Nobody is forgotten who is in, or has left and was not taken out; nor oneself.
    let mut own = said[&who(0)].register.clone();
    own.version += 1;
    own.entries.values_mut().filter(|entry| entry.length == 2).for_each(|entry| entry.length = 3);
    take(&mut said, who(0), own, None);
    assert_eq!(standing(&said, 3), Some(Standing::Left));
    take(&mut said, who(200), Register::default(), None);
    assert!(!make_room(&mut said, who(0), who(200), who(201)));
    assert!(make_room(&mut said, who(0), who(2), who(201)));
    assert!(!said.contains_key(&who(200)), "nobody has spoken of them");
}

#[test]
fn of_too_many_people_the_same_are_kept_in_any_order() {
    let part = |people: std::ops::Range<u8>, version| Register {
        version,
        entries: people.map(|n| (who(n), entry(1))).collect(),
        ..Register::default()
    };
    let parts = [part(0..90, 1), part(80..170, 2), part(40..250, 3)];
    let [a, b, c] = parts;
    let first = a.clone().joined(b.clone()).joined(c.clone());
    assert_eq!(first.entries.len(), MOST_ENTRIES);
    assert_eq!(c.joined(b).joined(a), first);
    assert!(toml::from_str::<Register>(&toml::to_string(&first).unwrap()).is_ok());
}

fn register() -> impl Strategy<Value = Register> {
    let people = prop::collection::btree_map(0..12_u8, (1..6_u32, any::<bool>()), 0..6);
    let title = prop::option::of((1..4_u32, prop::sample::select(vec!["a", "b"])));
    (0..4_u64, 0..4_u32, 0..4_u32, title, people).prop_map(
        |(version, accepted, left, title, all)| {
            let entries = all.into_iter();
            let entries = entries.map(|(n, (length, keeper))| (who(n), Entry { length, keeper }));
            Register {
                version,
                accepted,
                left,
                title: title.map(|(count, text)| Title { count, text: text.to_owned() }),
                entries: entries.collect(),
            }
        },
    )
}

proptest! {
    /// In whatever order, and however often.
    #[test]
    fn registers_join_alike(a in register(), b in register(), c in register()) {
        let join = |a: &Register, b: &Register| a.clone().joined(b.clone());
        prop_assert_eq!(join(&a, &b), join(&b, &a));
        prop_assert_eq!(join(&join(&a, &b), &c), join(&a, &join(&b, &c)));
        prop_assert_eq!(join(&a, &a), a.clone());
        prop_assert_eq!(join(&join(&a, &b), &b), join(&a, &b));
    }

    /// What counted, counts.
    #[test]
    fn nothing_falls_by_what_is_joined(a in register(), b in register()) {
        let both = a.clone().joined(b.clone());
        for one in [&a, &b] {
            prop_assert!(both.version >= one.version && both.title >= one.title);
            prop_assert!(both.accepted >= one.accepted && both.left >= one.left);
            for (person, entry) in &one.entries {
                prop_assert!(both.entries[person].length >= entry.length);
            }
            if one.version == both.version && a.version != b.version {
                for (person, entry) in &both.entries {
                    let named = one.entries.get(person).is_some_and(|entry| entry.keeper);
                    prop_assert_eq!(entry.keeper, named);
                }
            }
        }
    }

    /// All who have heard the same see the same, though homes went back to backups meanwhile and
    /// said anew what they had.
    #[test]
    fn all_end_up_alike_though_homes_were_restored(
        events in prop::collection::vec((0..PEOPLE, 0..10_u8, 0..PEOPLE, any::<usize>()), 0..80),
    ) {
        let start = group(3, 1);
        let mut views = vec![start.clone(); usize::from(PEOPLE)];
        let mut restored = [false; PEOPLE as usize];
        let first = start.iter().map(|(author, said)| (*author, said.register.clone()));
        let mut log: Vec<(Fingerprint, Register)> = first.collect();
        for (at, (by, number, on, which)) in events.into_iter().enumerate() {
            let view = &mut views[usize::from(by)];
            match number {
                8 => {
                    let (author, register) = log[which % log.len()].clone();
                    take(view, author, register, None);
                }
                9 => {
                    let own: Vec<&Register> =
                        log.iter().filter(|(author, _)| *author == who(by)).map(|l| &l.1).collect();
                    if own.is_empty() { continue }
                    let mut old = own[which % own.len()].clone();
                    *view = start.clone();
                    old.version = now(at as u64).unix();
                    view.insert(who(by), Said { register: old.clone(), by: None });
                    restored[usize::from(by)] = true;
                    log.push((who(by), old));
                }
                _ => {
                    let acts = if restored[usize::from(by)] { act_restored } else { act };
                    let what = what(number, on);
                    let done = acts(who(by), who(0), view, what, now(at as u64));
                    if let Ok(register) = done {
                        take(view, who(by), register.clone(), None);
                        log.push((who(by), register));
                    }
                }
            }
        }
        let mut ends = Vec::new();
        for turn in 0..log.len().min(9) {
            let mut all = log.clone();
            all.rotate_left(turn);
            if turn % 2 == 0 { all.reverse() }
            let mut view = Registers::new();
            for (author, register) in all {
                take(&mut view, author, register, None);
            }
            ends.push(view);
        }
        for view in &ends {
            prop_assert_eq!(view, &ends[0]);
        }
        // Who was not restored holds nothing that the others do not.
        for (n, view) in views.iter().enumerate().filter(|(n, _)| !restored[*n]) {
            let mut view = view.clone();
            for (author, register) in &log {
                take(&mut view, *author, register.clone(), None);
            }
            prop_assert_eq!(&view, &ends[0], "{}", n);
        }
    }
}
