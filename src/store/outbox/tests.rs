use super::*;
use crate::core::random::fixed::Fixed;
use crate::store::home::tests::scratch_home;

fn item(n: u64, after: Option<LetterId>) -> Item {
    let id = LetterId::generate(&mut Fixed::new(n));
    let text = format!("id = \"{id}\"\nto = \"{}\"\n", Fingerprint::from([n as u8; 32]));
    let rest = "date = 1795348800\ncopy = \"copy\"\nfiled = true\n";
    Item { after, ..toml::from_str(&(text + rest)).unwrap() }
}

fn ids(found: (Vec<Item>, Vec<Error>)) -> BTreeSet<LetterId> {
    found.0.into_iter().map(|item| item.id).collect()
}

#[test]
fn letters_written_together_count_from_the_first_on_and_then_for_themselves() {
    let (_dir, home) = scratch_home();
    let (places, lock) = (home.places(), StateLock::wait(&home, None).unwrap());
    let first = item(1, None);
    let others = [2, 3].map(|n| item(n, Some(first.id)));
    let all = [&first, &others[0], &others[1]].map(|item| item.id).into();
    let create = |item: &Item| item.create(places, b"sealed", Some(b"enclosure")).unwrap();
    let left = || atomic::entries(&places.outbox_dir()).unwrap().len();

    others.iter().for_each(create);
    assert_eq!(ids(load(places).unwrap()), [].into());
    assert_eq!(left(), 6, "who only looks changes nothing");
    assert_eq!(ids(settle(places, &lock).unwrap()), [].into());
    assert_eq!(left(), 0);

    others.iter().chain([&first]).for_each(create);
    assert_eq!(ids(load(places).unwrap()), all);
    // One that cannot be read any more was there.
    atomic::write(&file(places, first.id, STATE), b"\0").unwrap();
    assert_eq!(ids(load(places).unwrap()).len(), 2);
    first.save(places).unwrap();
    assert_eq!(ids(settle(places, &lock).unwrap()), all);
    first.remove(places).unwrap();
    let two = others.iter().map(|item| item.id).collect();
    assert_eq!(ids(settle(places, &lock).unwrap()), two);
    assert_eq!(left(), 6);
}

#[test]
fn a_letter_acknowledged_before_its_copy_was_filed_keeps_its_mail() {
    let (_dir, home) = scratch_home();
    let (places, lock) = (home.places(), StateLock::wait(&home, None).unwrap());
    let mut item = Item { filed: false, ..item(1, None) };
    item.create(places, b"sealed", None).unwrap();
    item.acknowledge(places, item.date).unwrap();
    settle(places, &lock).unwrap();
    assert_eq!(item.mail(places).unwrap(), b"sealed");
    item.filed = true;
    item.save(places).unwrap();
    settle(places, &lock).unwrap();
    assert!(item.mail(places).is_err());
}
