use super::super::maildir::{Flags, Name};
use super::*;
use crate::core::random::fixed::Fixed;

fn time() -> Time {
    Time::from_unix(1_795_356_000)
}

fn spot(folder: &str, flags: &str) -> Spot {
    Spot { folder: folder.parse().unwrap(), place: Place::Cur(Flags::from_letters(flags)) }
}

fn open(root: &Path, home: &Path) -> Result<(View, Holds), Error> {
    View::open(root, home).map(|(view, known, _)| (view, known))
}

fn known(view: &View, seed: u64, at: Spot) -> Known {
    let name = Name::new(time(), &mut Fixed::new(seed));
    view.make(&at.folder).unwrap();
    let stamp = view.put(&name.to_string(), &at, b"Subject: x\n\ntext\n", time()).unwrap();
    Known { name, spot: at, stamp, sealed: Stamp::default(), base: name.to_string() }
}

#[test]
fn what_is_put_is_listed_and_known_again() {
    let dir = tempfile::tempdir().unwrap();
    let (root, home) = (dir.path().join("view"), Path::new("/home/alice"));
    let (mut view, none) = open(&root, home).unwrap();
    assert!(none.is_empty());
    let (one, two) = (known(&view, 1, spot("bob", "S")), known(&view, 2, spot("carol", "")));
    view.knows(&[&one, &two]).unwrap();
    view.forgets(&two.name.unique()).unwrap();
    let files = view.list().unwrap();
    assert_eq!(files.len(), 2);
    let found = files.iter().find(|file| file.base == one.base).unwrap();
    assert_eq!((&found.spot, found.stamp), (&one.spot, one.stamp));
    drop(view);
    let (view, left) = open(&root, home).unwrap();
    assert_eq!(left.into_values().collect::<Vec<_>>(), [one]);
    assert!(open(&root, Path::new("/home/bob")).is_err(), "it is alice's");
    fs::remove_file(root.join(journal::FILE)).unwrap();
    assert!(!view.is_whole());
}

#[test]
fn renaming_keeps_the_stamp_and_writing_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let (view, _) = open(&dir.path().join("view"), Path::new("/h")).unwrap();
    let one = known(&view, 1, spot("bob", ""));
    let path = view.list().unwrap()[0].path.clone();
    assert!(view.rename(&path, &one.base, &spot("carol", "FS")).unwrap());
    assert!(!view.rename(&path, &one.base, &spot("bob", "")).unwrap(), "it is gone from there");
    let now = view.list().unwrap()[0].clone();
    assert_eq!((&now.spot, now.stamp), (&spot("carol", "FS"), one.stamp));
    fs::write(&now.path, "another").unwrap();
    assert_ne!(view.list().unwrap()[0].stamp, one.stamp);
}

#[test]
fn what_is_renewed_is_as_it_was_or_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (view, _) = open(&dir.path().join("view"), Path::new("/h")).unwrap();
    let one = known(&view, 1, spot("bob", "S"));
    let file = view.list().unwrap()[0].clone();
    let (stamp, base) = view.renew(&file, &one.name, b"Subject: y\n\n").unwrap().unwrap();
    let now = view.list().unwrap();
    assert_eq!((now.len(), now[0].stamp, &now[0].base, &now[0].spot), (1, stamp, &base, &one.spot));
    assert_eq!(fs::read(&now[0].path).unwrap(), b"Subject: y\n\n");
    assert_ne!(base, one.base);
    assert_eq!((of_tree(&base), of_tree(&one.base)), (Some(one.name), Some(one.name)));
    assert_eq!(of_tree("1795356000.R1.host"), None);
    let now = now[0].clone();
    fs::write(&now.path, "changed by somebody").unwrap();
    assert_eq!(view.renew(&now, &one.name, b"z").unwrap(), None, "it has changed");
    assert_eq!(fs::read(&now.path).unwrap(), b"changed by somebody");
    fs::remove_file(&now.path).unwrap();
    assert_eq!(view.renew(&now, &one.name, b"z").unwrap(), None, "it is gone");
    assert!(!now.path.exists());
    let temp = view.part(&file.spot.folder, "tmp");
    assert_eq!(fs::read_dir(temp).unwrap().count(), 0);
}

#[test]
fn what_is_planned_is_told_from_what_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let (root, home) = (dir.path().join("view"), Path::new("/h"));
    let (mut view, _) = open(&root, home).unwrap();
    let [one, two] = [1, 2].map(|seed| known(&view, seed, spot("bob", "S")));
    view.plans(&[one.clone(), two.clone()]).unwrap();
    view.knows(&[&one]).unwrap();
    drop(view);
    let (_, known, planned) = View::open(&root, home).unwrap();
    assert_eq!(known.into_values().collect::<Vec<_>>(), [one]);
    assert_eq!(planned.into_values().collect::<Vec<_>>(), [two]);
}

#[test]
fn by_which_names_it_was_opened_outlives_a_kill_and_a_wiping_cut_short() {
    let dir = tempfile::tempdir().unwrap();
    let (root, home) = (dir.path().join("view"), Path::new("/h"));
    let (mut view, _) = open(&root, home).unwrap();
    assert_eq!(view.names(), None);
    view.set_names("4b").unwrap();
    view.set_names("4c").unwrap();
    let one = known(&view, 1, spot("bob", "S"));
    view.knows(&[&one]).unwrap();
    for _ in 0..2 {
        let (mut view, left) = open(&root, home).unwrap();
        assert_eq!((view.names(), left.len()), (Some("4c"), 1));
        view.closing().unwrap();
    }
}

#[test]
fn wiping_leaves_nothing_but_what_may_be_the_only_copy() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("view");
    let (mut view, _) = open(&root, Path::new("/h")).unwrap();
    let one = known(&view, 1, spot("bob", ""));
    view.knows(&[&one]).unwrap();
    let goes = [".index/x", "bob/tmp/half", "bob/cur/.swap", "bob/cur/x~", "bob/cur/#x#", ".x/y/z"];
    let stays =
        [".Drafts/cur/1.host", "Sent/cur/1.host", "bob/x", "postponed"].map(|x| root.join(x));
    for path in goes.map(|path| root.join(path)).iter().chain(&stays) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "of a mail program").unwrap();
    }
    let files = view.list().unwrap();
    assert_eq!(files.len(), 1);
    view.closing().unwrap();
    view.remove(&files[0].path).unwrap();
    assert_eq!(view.wipe().unwrap(), stays);
    let mut names: Vec<_> = fs::read_dir(&root)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, [".Drafts", ".poste-view", "Sent", "bob", "postponed"]);
    let (view, left) = open(&root, Path::new("/h")).unwrap();
    assert!(left.is_empty(), "in a view that was being wiped a missing file is no deletion");
    stays.iter().for_each(|path| fs::remove_file(path).unwrap());
    assert!(view.wipe().unwrap().is_empty());
    assert!(!root.exists());
}

#[test]
fn a_line_cut_short_costs_only_that_line() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("view");
    let (mut view, _) = open(&root, Path::new("/h")).unwrap();
    let (one, two) = (known(&view, 1, spot("bob", "S")), known(&view, 2, spot("bob", "")));
    view.knows(&[&one, &two]).unwrap();
    let path = root.join(journal::FILE);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.trim_end().rsplit_once(' ').unwrap().0).unwrap();
    let (mut view, left) = open(&root, Path::new("/h")).unwrap();
    assert_eq!(left.values().collect::<Vec<_>>(), [&one]);
    view.knows(&[&two]).unwrap();
    assert_eq!(open(&root, Path::new("/h")).unwrap().1.len(), 2);
}

#[test]
fn a_place_of_others_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("view");
    fs::create_dir(&root).unwrap();
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
    let error = open(&root, Path::new("/h")).unwrap_err();
    assert!(matches!(error.cause, Cause::Open { mode: 0o755 }), "{error}");
    fs::set_permissions(&root, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(root.join("mine"), "x").unwrap();
    let error = open(&root, Path::new("/h")).unwrap_err();
    assert!(matches!(error.cause, Cause::Exists), "{error}");
    let wide = dir.path().join("wide");
    fs::create_dir(&wide).unwrap();
    fs::set_permissions(&wide, fs::Permissions::from_mode(0o777)).unwrap();
    assert!(open(&wide.join("view"), Path::new("/h")).is_err(), "others could replace it");
}

#[test]
fn a_changed_directory_is_dated_anew_once_its_second_is_over() {
    let dir = tempfile::tempdir().unwrap();
    let (view, _) = open(&dir.path().join("view"), Path::new("/h")).unwrap();
    let folder: Folder = "bob".parse().unwrap();
    view.make(&folder).unwrap();
    let second = |second: u64| UNIX_EPOCH + Duration::from_secs(second);
    let part = |part: &str| File::open(view.part(&folder, part)).unwrap();
    let date = |name: &str| part(name).metadata().unwrap().modified().unwrap();
    let changed = second(1_795_356_000) + Duration::from_millis(300);
    part("new").set_modified(changed).unwrap();
    part("cur").set_modified(second(1_795_356_000)).unwrap();
    let redate = |now| view.redate([&folder], now);
    assert_eq!(redate(changed), Some(Duration::from_millis(700)));
    assert_eq!(date("new"), changed, "not yet");
    assert_eq!(redate(second(1_795_356_001)), None);
    assert_eq!(date("new"), second(1_795_356_001));
    assert_eq!(redate(second(1_795_356_009)), None);
    assert_eq!(date("new"), second(1_795_356_001), "once");
    assert_eq!(date("cur"), second(1_795_356_000), "as it was");
    // The clock was set back: nothing is waited for.
    part("new").set_modified(changed + Duration::from_secs(60)).unwrap();
    assert_eq!(redate(changed), None);
    assert_eq!(view.redate([&"carol".parse().unwrap()], changed), None, "no such folder");
}
