//! The directory node: what is written, what is read back, what is wiped, and what people may
//! have put there to do harm.

use super::*;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

struct Stick {
    folder: tempfile::TempDir,
    courier: Box<dyn Courier>,
}

impl Stick {
    fn new() -> Stick {
        let folder = tempfile::tempdir().unwrap();
        let courier = courier(&format!("file://{}", folder.path().display()));
        Stick { folder, courier }
    }

    fn day(&self) -> PathBuf {
        self.folder.path().join("daily/2026-11-22")
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.day())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn fetch(&self, text: &str, limit: u64) -> Result<Vec<u8>, Cause> {
        match self.courier.fetch(daily(), prefix(text), limit) {
            Ok(Answer { body: Fetched::Cells(cells), heard }) => {
                assert_eq!(heard, Heard::default());
                Ok(cells)
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.cause),
        }
    }
}

fn daily() -> Bucket {
    "daily/2026-11-22".parse().unwrap()
}

/// Two cells: one under 4b, one under 5b.
fn mixed() -> Vec<u8> {
    [vec![0x4b; CELL], vec![0x5b; CELL]].concat()
}

#[test]
fn what_is_posted_is_found_by_prefix_and_once() {
    let stick = Stick::new();
    assert_eq!(stick.fetch("", 1 << 20).unwrap(), Vec::<u8>::new());
    stick.courier.post(daily(), &mixed()).unwrap();
    stick.courier.post(daily(), &mixed()).unwrap();
    stick.courier.post(daily(), &cells(3)).unwrap();
    assert_eq!(stick.fetch("", 1 << 20).unwrap(), mixed());
    assert_eq!(stick.fetch("4", 1 << 20).unwrap(), cells(1));
    assert_eq!(stick.fetch("6", 1 << 20).unwrap(), Vec::<u8>::new());
    let files = stick.files();
    assert_eq!(files.len(), 2, "posting again makes no second file: {files:?}");
    assert!(files.iter().all(|name| name.len() == 38 && name.ends_with(".cells")), "{files:?}");
}

#[test]
fn leftover_of_a_crash_is_in_nobodys_way() {
    let stick = Stick::new();
    stick.courier.post(daily(), &mixed()).unwrap();
    let whole = stick.files().remove(0);
    let partial = whole.replace(".cells", ".part");
    fs::rename(stick.day().join(&whole), stick.day().join(&partial)).unwrap();
    assert_eq!(stick.fetch("", 1 << 20).unwrap(), Vec::<u8>::new(), "not whole, not read");
    stick.courier.post(daily(), &mixed()).unwrap();
    assert_eq!(stick.files(), [whole]);
}

#[test]
fn hourly_class_is_refused() {
    let stick = Stick::new();
    let posted = stick.courier.post(hourly(), &cells(1)).unwrap_err();
    assert!(matches!(posted.cause, Cause::DailyOnly));
    let fetched = stick.courier.fetch(hourly(), prefix(""), 4096).unwrap_err();
    assert!(matches!(fetched.cause, Cause::DailyOnly));
    assert_eq!(fs::read_dir(stick.folder.path()).unwrap().count(), 0);
}

#[test]
fn stick_that_is_not_plugged_in_is_offline_and_not_made() {
    let stick = Stick::new();
    let missing = stick.folder.path().join("usb");
    let courier = courier(&format!("file://{}", missing.display()));
    for error in [
        courier.post(daily(), &cells(1)).unwrap_err(),
        courier.fetch(daily(), prefix(""), 4096).unwrap_err(),
        courier.tidy(daily().wiped()).unwrap_err(),
    ] {
        assert_eq!(error.kind(), Kind::Transient, "{error}");
        assert!(error.to_string().contains("usb"), "{error}");
    }
    assert!(!missing.exists());
}

#[test]
fn wiped_at_the_end_of_the_second_day_after() {
    let stick = Stick::new();
    stick.courier.post(daily(), &mixed()).unwrap();
    fs::write(stick.day().join(format!("{}.part", "0".repeat(32))), "torn").unwrap();
    let end = "2026-11-25".parse::<crate::core::time::Day>().unwrap().start();
    stick.courier.tidy(end - 1).unwrap();
    assert_eq!(stick.fetch("", 1 << 20).unwrap(), mixed());
    stick.courier.tidy(end).unwrap();
    assert!(!stick.day().exists());
    stick.courier.tidy(end).unwrap();
}

#[test]
fn wiping_leaves_the_owners_files() {
    let stick = Stick::new();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join(format!("{}.cells", "a".repeat(32))), "mine").unwrap();
    stick.courier.post(daily(), &mixed()).unwrap();
    fs::write(stick.day().join("diary.txt"), "mine").unwrap();
    fs::create_dir(stick.day().join(format!("{}.cells", "b".repeat(32)))).unwrap();
    fs::create_dir(stick.folder.path().join("daily/notes")).unwrap();
    symlink(outside.path(), stick.folder.path().join("daily/2026-11-20")).unwrap();
    let late = daily().wiped() + 30 * 86_400;
    // A folder that is a link is an error; what it leads to stays, and the others are wiped.
    assert!(stick.courier.tidy(late).is_err());
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    assert_eq!(stick.fetch("", 1 << 20).unwrap(), Vec::<u8>::new());
    fs::remove_file(stick.folder.path().join("daily/2026-11-20")).unwrap();
    stick.courier.tidy(late).unwrap();
    assert_eq!(stick.files(), [format!("{}.cells", "b".repeat(32)), "diary.txt".to_owned()]);
    assert!(stick.folder.path().join("daily/notes").exists());
}

#[test]
fn hostile_files_are_passed_over() {
    let stick = Stick::new();
    stick.courier.post(daily(), &mixed()).unwrap();
    let name = |n: u8| stick.day().join(format!("{}.cells", format!("{n:02x}").repeat(16)));
    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(outside.path(), vec![0x4d; CELL * 2]).unwrap();
    symlink(outside.path(), name(1)).unwrap();
    symlink("/dev/zero", name(2)).unwrap();
    symlink(name(3), name(3)).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        name(4),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    fs::create_dir(name(5)).unwrap();
    fs::write(name(6), vec![0x4b; CELL + 1]).unwrap();
    fs::write(name(7), "").unwrap();
    fs::File::create(name(8)).unwrap().set_len(1 << 40).unwrap();
    fs::write(stick.day().join("x.cells"), vec![0x4c; CELL]).unwrap();
    assert_eq!(stick.fetch("", 1 << 20).unwrap(), mixed());
}

#[test]
fn folders_that_are_links_are_refused() {
    let stick = Stick::new();
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), stick.folder.path().join("daily")).unwrap();
    for cause in [
        stick.courier.post(daily(), &cells(1)).unwrap_err().cause,
        stick.fetch("", 4096).unwrap_err(),
    ] {
        assert!(matches!(cause, Cause::Broken(_)), "{cause:?}");
    }
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn longer_than_allowed_is_an_error_and_never_cut() {
    let stick = Stick::new();
    stick.courier.post(daily(), &mixed()).unwrap();
    assert!(matches!(stick.fetch("", 4096).unwrap_err(), Cause::TooLong { limit: 4096 }));
    assert_eq!(stick.fetch("4", 4096).unwrap(), cells(1));
}

#[test]
fn half_a_cell_is_not_written() {
    let stick = Stick::new();
    for bad in [&[][..], &[0; 4097]] {
        assert!(matches!(stick.courier.post(daily(), bad).unwrap_err().cause, Cause::NotCells));
    }
    assert_eq!(fs::read_dir(stick.folder.path()).unwrap().count(), 0);
}
