use super::super::maildir::{Flags, Name};
use super::*;
use crate::core::random::fixed::Fixed;

fn time() -> Time {
    Time::from_unix(1_795_356_000)
}

fn spot(folder: &str, flags: &str) -> Spot {
    Spot { folder: folder.parse().unwrap(), place: Place::Cur(Flags::from_letters(flags)) }
}

fn known(view: &View, seed: u64, at: Spot) -> Known {
    let name = Name::new(time(), &mut Fixed::new(seed));
    view.make(&at.folder).unwrap();
    let stamp = view.put(&name.to_string(), &at, b"Subject: x\n\ntext\n", time()).unwrap();
    Known { name, spot: at, stamp, base: name.to_string() }
}

#[test]
fn what_is_put_is_listed_and_known_again() {
    let dir = tempfile::tempdir().unwrap();
    let (root, home) = (dir.path().join("view"), Path::new("/home/alice"));
    let (mut view, none) = View::open(&root, home).unwrap();
    assert!(none.is_empty());
    let (one, two) = (known(&view, 1, spot("bob", "S")), known(&view, 2, spot("carol", "")));
    view.knows(&[&one, &two]).unwrap();
    view.forgets(&two.name.unique()).unwrap();
    let files = view.list().unwrap().files;
    assert_eq!(files.len(), 2);
    let found = files.iter().find(|file| file.base == one.base).unwrap();
    assert_eq!((&found.spot, found.stamp), (&one.spot, one.stamp));
    drop(view);
    let (view, left) = View::open(&root, home).unwrap();
    assert_eq!(left.into_values().collect::<Vec<_>>(), [one]);
    assert!(View::open(&root, Path::new("/home/bob")).is_err(), "it is alice's");
    fs::remove_file(root.join(journal::FILE)).unwrap();
    assert!(!view.is_whole());
}

#[test]
fn renaming_keeps_the_stamp_and_writing_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let (view, _) = View::open(&dir.path().join("view"), Path::new("/h")).unwrap();
    let one = known(&view, 1, spot("bob", ""));
    let path = view.list().unwrap().files[0].path.clone();
    assert!(view.rename(&path, &one.base, &spot("carol", "FS")).unwrap());
    assert!(!view.rename(&path, &one.base, &spot("bob", "")).unwrap(), "it is gone from there");
    let now = view.list().unwrap().files[0].clone();
    assert_eq!((&now.spot, now.stamp), (&spot("carol", "FS"), one.stamp));
    fs::write(&now.path, "another").unwrap();
    assert_ne!(view.list().unwrap().files[0].stamp, one.stamp);
}

#[test]
fn what_is_renewed_is_as_it_was_or_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (view, _) = View::open(&dir.path().join("view"), Path::new("/h")).unwrap();
    known(&view, 1, spot("bob", "S"));
    let file = view.list().unwrap().files[0].clone();
    let stamp = view.renew(&file, b"Subject: y\n\n", time()).unwrap().unwrap();
    assert_eq!(fs::read(&file.path).unwrap(), b"Subject: y\n\n");
    let now = view.list().unwrap().files;
    assert_eq!((now.len(), now[0].stamp), (1, stamp));
    fs::write(&file.path, "changed by somebody").unwrap();
    assert_eq!(view.renew(&now[0], b"z", time()).unwrap(), None, "it has changed");
    assert_eq!(fs::read(&file.path).unwrap(), b"changed by somebody");
    fs::remove_file(&file.path).unwrap();
    assert_eq!(view.renew(&now[0], b"z", time()).unwrap(), None, "it is gone");
    assert!(!file.path.exists());
    let temp = view.part(&file.spot.folder, "tmp");
    assert_eq!(fs::read_dir(temp).unwrap().count(), 0);
}

#[test]
fn by_which_names_it_was_opened_outlives_a_kill_and_a_wiping_cut_short() {
    let dir = tempfile::tempdir().unwrap();
    let (root, home) = (dir.path().join("view"), Path::new("/h"));
    let (mut view, _) = View::open(&root, home).unwrap();
    assert_eq!(view.names(), None);
    view.set_names("4b").unwrap();
    view.set_names("4c").unwrap();
    let one = known(&view, 1, spot("bob", "S"));
    view.knows(&[&one]).unwrap();
    for _ in 0..2 {
        let (mut view, left) = View::open(&root, home).unwrap();
        assert_eq!((view.names(), left.len()), (Some("4c"), 1));
        view.closing().unwrap();
    }
}

#[test]
fn wiping_leaves_nothing_but_messages_that_were_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("view");
    let (mut view, _) = View::open(&root, Path::new("/h")).unwrap();
    let one = known(&view, 1, spot("bob", ""));
    view.knows(&[&one]).unwrap();
    for aside in [".index/x", "bob/tmp/half", "cache"] {
        let path = root.join(aside);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "of a mail program").unwrap();
    }
    fs::create_dir_all(root.join("Sent/cur")).unwrap();
    fs::write(root.join("Sent/cur/1.host"), "a message").unwrap();
    let listing = view.list().unwrap();
    assert_eq!(listing.strays, [root.join("Sent/cur/1.host")]);
    view.closing().unwrap();
    view.remove(&listing.files[0].path).unwrap();
    assert_eq!(view.wipe().unwrap(), [root.join("Sent/cur/1.host")]);
    let mut names: Vec<_> = fs::read_dir(&root)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, [".poste-view", "Sent"]);
    let (view, left) = View::open(&root, Path::new("/h")).unwrap();
    assert!(left.is_empty(), "in a view that was being wiped a missing file is no deletion");
    fs::remove_file(root.join("Sent/cur/1.host")).unwrap();
    assert!(view.wipe().unwrap().is_empty());
    assert!(!root.exists());
}

#[test]
fn a_line_cut_short_costs_only_that_line() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("view");
    let (mut view, _) = View::open(&root, Path::new("/h")).unwrap();
    let (one, two) = (known(&view, 1, spot("bob", "S")), known(&view, 2, spot("bob", "")));
    view.knows(&[&one, &two]).unwrap();
    let path = root.join(journal::FILE);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.trim_end().rsplit_once(' ').unwrap().0).unwrap();
    let (mut view, left) = View::open(&root, Path::new("/h")).unwrap();
    assert_eq!(left.values().collect::<Vec<_>>(), [&one]);
    view.knows(&[&two]).unwrap();
    assert_eq!(View::open(&root, Path::new("/h")).unwrap().1.len(), 2);
}

#[test]
fn a_place_of_others_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("view");
    fs::create_dir(&root).unwrap();
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
    let error = View::open(&root, Path::new("/h")).unwrap_err();
    assert!(matches!(error.cause, Cause::Open { mode: 0o755 }), "{error}");
    fs::set_permissions(&root, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(root.join("mine"), "x").unwrap();
    let error = View::open(&root, Path::new("/h")).unwrap_err();
    assert!(matches!(error.cause, Cause::Exists), "{error}");
    let open = dir.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    assert!(View::open(&open.join("view"), Path::new("/h")).is_err(), "others could replace it");
}
