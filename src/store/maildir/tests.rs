use super::super::home::tests::scratch_home;
use super::*;
use crate::core::random::fixed::Fixed;
use crate::core::time::Time;
use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

fn scratch() -> (tempfile::TempDir, Maildir) {
    let dir = tempfile::tempdir().unwrap();
    let mail = Maildir::new(dir.path());
    (dir, mail)
}

fn bob() -> Folder {
    "bob".parse().unwrap()
}

fn name(time: u64, seed: u64) -> Name {
    Name::new(Time::from_unix(time), &mut Fixed::new(seed))
}

#[test]
fn delivered_where_when_and_how() {
    let (_dir, mail) = scratch();
    let seen = Flags::SEEN.with(Flags::REPLIED);
    let new = mail.deliver(&bob(), &name(5000, 1), Place::New, b"one").unwrap();
    let cur = mail.deliver(&bob(), &name(4000, 2), Place::Cur(seen), b"two").unwrap();
    assert!(new.ends_with(format!("bob/new/{}", name(5000, 1))));
    assert!(cur.ends_with(format!("bob/cur/{}:2,RS", name(4000, 2))));
    let meta = new.metadata().unwrap();
    assert_eq!(meta.mtime(), 5000);
    assert_eq!(meta.permissions().mode() & 0o7777, 0o600);
    assert_eq!(fs::read_dir(mail.part(&bob(), "tmp")).unwrap().count(), 0);
    let listed = mail.list(&bob()).unwrap();
    assert_eq!(listed.iter().map(|e| &e.path).collect::<Vec<_>>(), [&cur, &new]);
    assert!(listed[1].is_new && !listed[0].is_new);
    assert_eq!(listed[0].flags, seen);
    assert_eq!(mail.read(&listed[0], 3).unwrap().as_deref(), Some(&b"two"[..]));
    assert!(mail.read(&listed[0], 2).is_err(), "over the limit");
}

#[test]
fn second_delivery_under_a_name_keeps_its_place_and_writes_it_anew() {
    let (_dir, mail) = scratch();
    let first = mail.deliver(&bob(), &name(1, 1), Place::New, b"one").unwrap();
    assert_eq!(mail.deliver(&bob(), &name(1, 1), Place::New, b"two").unwrap(), first);
    let entry = mail.find(&name(1, 1).unique()).unwrap();
    let entry = mail.set_flags(&entry, Flags::SEEN).unwrap().unwrap();
    assert_eq!(mail.deliver(&bob(), &name(1, 1), Place::New, b"two").unwrap(), entry.path);
    assert_eq!(mail.list(&bob()).unwrap().len(), 1);
    assert_eq!(fs::read(entry.path).unwrap(), b"two", "the first may not have been durable");
    let mut delivery = mail.delivery();
    for bytes in [b"one", b"two"] {
        delivery.add(&bob(), &name(2, 2), Place::New, bytes).unwrap();
    }
    delivery.commit().unwrap();
    assert_eq!(mail.list(&bob()).unwrap().len(), 2);
}

#[test]
fn changes_of_one_batch_are_made_at_once_and_follow_who_moved() {
    let (_dir, mail) = scratch();
    let carol: Folder = "carol".parse().unwrap();
    for seed in 1..=3 {
        mail.deliver(&bob(), &name(seed, seed), Place::New, b"text").unwrap();
    }
    let listed = mail.list(&bob()).unwrap();
    // A mail program has renamed it since.
    mail.set_flags(&listed[0], Flags::FLAGGED).unwrap().unwrap();
    let mut batch = mail.batch();
    let moved = batch.move_to(&listed[0], &carol).unwrap().unwrap();
    batch.set_flags(&moved, Flags::SEEN).unwrap().unwrap();
    batch.set_flags(&listed[1], Flags::SEEN).unwrap().unwrap();
    batch.remove(&listed[2]).unwrap();
    assert!(batch.set_flags(&listed[2], Flags::SEEN).unwrap().is_none(), "it is gone");
    batch.flush().unwrap();
    let flags = |folder: &Folder| -> Vec<String> {
        mail.list(folder).unwrap().iter().map(|entry| entry.flags.to_string()).collect()
    };
    assert_eq!((flags(&carol), flags(&bob())), (vec!["S".to_owned()], vec!["S".to_owned()]));
}

#[test]
fn hundreds_are_delivered_at_once_or_not_at_all() {
    let (_dir, mail) = scratch();
    let deliver = |commit: bool| {
        let mut delivery = mail.delivery();
        for n in 0..300 {
            let folder = if n % 2 == 0 { bob() } else { Folder::inbox() };
            delivery.add(&folder, &name(n, n), Place::New, n.to_string().as_bytes()).unwrap();
        }
        if commit {
            delivery.commit().unwrap();
        }
    };
    deliver(false);
    assert!(mail.list(&bob()).unwrap().is_empty());
    assert_eq!(fs::read_dir(mail.part(&bob(), "tmp")).unwrap().count(), 0);
    deliver(true);
    deliver(true);
    for folder in mail.folders().unwrap() {
        let listed = mail.list(&folder).unwrap();
        assert_eq!(listed.len(), 150);
        for entry in listed {
            let meta = entry.path.metadata().unwrap();
            assert_eq!(meta.mtime() as u64, entry.name.time().unix());
            assert_eq!(fs::read_to_string(entry.path).unwrap(), meta.mtime().to_string());
        }
    }
}

#[test]
fn crash_leftovers_are_replaced_and_swept() {
    let (_dir, mail) = scratch();
    mail.make(&bob()).unwrap();
    let left = |seed| mail.part(&bob(), "tmp").join(name(1, seed).to_string());
    fs::write(left(1), b"torn").unwrap();
    fs::write(left(2), b"torn").unwrap();
    let path = mail.deliver(&bob(), &name(1, 1), Place::New, b"whole").unwrap();
    assert_eq!(fs::read(path).unwrap(), b"whole");
    let foreign = mail.part(&bob(), "tmp").join("1234.M1P2.host");
    fs::write(&foreign, b"being written").unwrap();
    let (_home, home) = scratch_home();
    assert_eq!(mail.sweep(&StateLock::wait(&home, None).unwrap()).unwrap(), 1);
    assert!(!left(2).exists() && foreign.exists());
}

#[test]
fn foreign_files_and_folders_are_left_alone() {
    let (dir, mail) = scratch();
    mail.deliver(&bob(), &name(1, 1), Place::New, b"x").unwrap();
    let cur = mail.part(&bob(), "cur");
    for foreign in [".nfs1", "1234.M1P2.host:2,S", "README"] {
        fs::write(cur.join(foreign), b"x").unwrap();
    }
    fs::create_dir(cur.join(name(2, 2).to_string())).unwrap();
    symlink("/etc/passwd", cur.join(format!("{}:2,", name(3, 3)))).unwrap();
    for foreign in [".notmuch", "Bob", "cur"] {
        fs::create_dir(dir.path().join(foreign)).unwrap();
    }
    symlink("bob", dir.path().join("carol")).unwrap();
    fs::write(dir.path().join("dave"), b"").unwrap();
    assert_eq!(mail.folders().unwrap(), [bob()]);
    assert_eq!(mail.list(&bob()).unwrap().len(), 1);
    assert_eq!(mail.list(&"eve".parse().unwrap()).unwrap(), []);
}

#[test]
fn missing_parts_come_back() {
    let (_dir, mail) = scratch();
    mail.deliver(&bob(), &name(1, 1), Place::Cur(Flags::NONE), b"x").unwrap();
    for part in ["new", "tmp"] {
        fs::remove_dir(mail.part(&bob(), part)).unwrap();
    }
    assert_eq!(mail.list(&bob()).unwrap().len(), 1);
    mail.deliver(&bob(), &name(2, 2), Place::New, b"y").unwrap();
    assert_eq!(mail.list(&bob()).unwrap().len(), 2);
}

#[test]
fn what_a_mail_program_renamed_is_still_reached() {
    let (_dir, mail) = scratch();
    mail.deliver(&bob(), &name(1, 1), Place::New, b"x").unwrap();
    let old = mail.find(&name(1, 1).unique()).unwrap();
    let rename = |to: &str| {
        let now = mail.locate(&bob(), &old.name).unwrap().unwrap();
        fs::rename(now.path, mail.part(&bob(), "cur").join(format!("{}:2,{to}", old.name)))
            .unwrap();
    };
    rename("S");
    assert_eq!(mail.entry(&old.path).unwrap().flags, Flags::SEEN);
    assert_eq!(mail.read(&old, 9).unwrap().as_deref(), Some(&b"x"[..]));
    let moved = mail.move_to(&old, &Folder::inbox()).unwrap().unwrap();
    assert!(moved.path.exists() && moved.flags == Flags::SEEN, "flags of now, not of then");
    assert!(mail.list(&bob()).unwrap().is_empty());
    let back = mail.move_to(&moved, &bob()).unwrap().unwrap();
    rename("F");
    let flagged = mail.set_flags(&back, Flags::TRASHED).unwrap().unwrap();
    assert!(flagged.path.exists() && !back.path.exists());
    rename("F");
    mail.remove(&flagged).unwrap();
    assert!(mail.list(&bob()).unwrap().is_empty());
}

#[test]
fn what_is_gone_is_gone() {
    let (_dir, mail) = scratch();
    mail.deliver(&bob(), &name(1, 1), Place::New, b"x").unwrap();
    let entry = mail.find(&name(1, 1).unique()).unwrap();
    fs::remove_file(&entry.path).unwrap();
    mail.remove(&entry).unwrap();
    assert_eq!(mail.read(&entry, 9).unwrap(), None);
    assert_eq!(mail.set_flags(&entry, Flags::SEEN).unwrap(), None);
    assert_eq!(mail.move_to(&entry, &Folder::inbox()).unwrap(), None);
    assert!(matches!(mail.entry(&entry.path), Err(FindError::NoSuch(_))));
}

#[test]
fn same_flags_again_are_no_change() {
    let (_dir, mail) = scratch();
    mail.deliver(&bob(), &name(1, 1), Place::Cur(Flags::SEEN), b"x").unwrap();
    let entry = mail.list(&bob()).unwrap().remove(0);
    assert_eq!(mail.set_flags(&entry, Flags::SEEN).unwrap(), Some(entry.clone()));
    assert!(entry.path.exists());
}

#[test]
fn ids_are_found_by_what_tells_them_apart() {
    let (_dir, mail) = scratch();
    for (unique, folder) in [("00ab", bob()), ("00cd", bob()), ("11ef", Folder::inbox())] {
        let name: Name = format!("7.{unique}000000000000.poste").parse().unwrap();
        mail.deliver(&folder, &name, Place::New, b"x").unwrap();
    }
    assert_eq!(mail.find("1").unwrap().folder, Folder::inbox());
    assert_eq!(mail.find("00c").unwrap().name.unique(), "00cd000000000000");
    assert!(matches!(mail.find("00"), Err(FindError::Ambiguous { count: 2, .. })));
    assert!(matches!(mail.find("2"), Err(FindError::NoSuch(_))));
    for bad in ["", "AB", "xyz", "00ab0000000000000", "../etc"] {
        assert!(matches!(mail.find(bad), Err(FindError::BadArgument(_))), "{bad}");
    }
}

#[test]
fn only_paths_in_the_tree_are_taken() {
    let (dir, mail) = scratch();
    let path = mail.deliver(&bob(), &name(1, 1), Place::New, b"x").unwrap();
    let file = path.file_name().unwrap().to_str().unwrap();
    assert!(mail.entry(&path).is_ok());
    assert!(mail.entry(&dir.path().join("bob/../bob/new").join(file)).is_ok());
    let other = tempfile::tempdir().unwrap();
    let outside = Maildir::new(other.path());
    let stray = outside.deliver(&bob(), &name(1, 1), Place::New, b"x").unwrap();
    symlink(other.path().join("bob"), dir.path().join("carol")).unwrap();
    for bad in [
        stray,
        dir.path().join("carol/new").join(file),
        dir.path().join("bob").join(file),
        dir.path().join("bob/new/README"),
        "/".into(),
        "".into(),
    ] {
        assert!(mail.entry(&bad).is_err(), "{}", bad.display());
    }
}

#[test]
fn eight_deliver_without_collision_while_a_ninth_moves() {
    let (_dir, mail) = scratch();
    let each = 1000;
    std::thread::scope(|scope| {
        let (mail, folder) = (&mail, bob());
        for worker in 0..8 {
            let folder = folder.clone();
            scope.spawn(move || {
                let mut rng = Fixed::new(worker);
                for _ in 0..each / 250 {
                    let mut delivery = mail.delivery();
                    for n in 0..250 {
                        let name = Name::new(Time::from_unix(n), &mut rng);
                        delivery.add(&folder, &name, Place::New, b"x").unwrap();
                    }
                    delivery.commit().unwrap();
                }
            });
        }
        scope.spawn(move || {
            for _ in 0..20 {
                for entry in mail.list(&folder).unwrap().into_iter().filter(|e| e.is_new).take(50) {
                    let to = mail.cur_path(&folder, &entry.name, Flags::SEEN);
                    fs::rename(&entry.path, to).unwrap();
                }
            }
        });
    });
    let listed = mail.list(&bob()).unwrap();
    let names: HashSet<_> = listed.iter().map(|entry| entry.name).collect();
    assert_eq!((listed.len(), names.len()), (8 * each, 8 * each));
}

#[test]
fn unwritable_place_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("bob"), b"a file where the folder should be").unwrap();
    let mail = Maildir::new(dir.path());
    let error = mail.deliver(&bob(), &name(1, 1), Place::New, b"x").unwrap_err();
    assert!(error.to_string().contains("/bob/"), "{error}");
    assert!(mail.list(&bob()).is_err());
}
