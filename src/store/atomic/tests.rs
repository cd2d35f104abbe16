use super::super::home::tests::scratch_home;
use super::*;
use std::os::unix::fs::{MetadataExt, symlink};
use std::process::Command;

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = entries(dir)
        .unwrap()
        .into_iter()
        .map(|item| item.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn written_whole_private_and_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    write(&path, b"one").unwrap();
    write(&path, b"two").unwrap();
    assert_eq!(read(&path, 3).unwrap().as_deref(), Some(&b"two"[..]));
    assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o600);
    assert_eq!(names(dir.path()), ["a"]);
}

#[test]
fn new_means_new() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    write_new(&path, b"one").unwrap();
    assert!(matches!(write_new(&path, b"two").unwrap_err().cause, Cause::Exists));
    // Something that comes between staging and commit is not overwritten either.
    let (other, mut batch) = (dir.path().join("b"), Batch::new());
    batch.write_new(&other, b"mine").unwrap();
    write(&other, b"theirs").unwrap();
    assert!(matches!(batch.commit().unwrap_err().cause, Cause::Exists));
    assert_eq!(fs::read(&other).unwrap(), b"theirs");
    symlink("nowhere", dir.path().join("c")).unwrap();
    assert!(write_new(&dir.path().join("c"), b"x").is_err(), "a dangling link is something");
    assert_eq!(names(dir.path()), ["a", "b", "c"], "no temporary file is left");
}

#[test]
fn large_batch_comes_into_many_directories() {
    let dir = tempfile::tempdir().unwrap();
    let mut batch = Batch::new();
    let path = |n: usize| dir.path().join(format!("d{}/f{n}", n % 3));
    for n in 0..3 {
        make_dir(&dir.path().join(format!("d{n}"))).unwrap();
    }
    for n in 0..100 {
        batch.write(&path(n), n.to_string().as_bytes()).unwrap();
    }
    assert!(!path(0).exists(), "nothing is in place before the commit");
    batch.commit().unwrap();
    for n in 0..100 {
        assert_eq!(fs::read(path(n)).unwrap(), n.to_string().as_bytes());
    }
    assert_eq!(names(&dir.path().join("d0")).len(), 34);
}

#[test]
fn dropped_batch_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut batch = Batch::new();
    for n in 0..20 {
        batch.write(&dir.path().join(n.to_string()), b"x").unwrap();
    }
    drop(batch);
    assert!(names(dir.path()).is_empty());
}

#[test]
fn what_could_not_be_staged_is_not_committed() {
    let dir = tempfile::tempdir().unwrap();
    let Some(tiny) = Tiny::mount(dir.path()) else {
        eprintln!("not tested: mounting takes privileges");
        return;
    };
    let mut batch = Batch::new();
    batch.write(&tiny.0.join("a"), b"whole").unwrap();
    batch.write(&tiny.0.join("b"), &[1; 80_000]).unwrap_err();
    batch.commit().unwrap();
    assert_eq!(names(tiny.0), ["a"]);
}

#[test]
fn failure_names_the_file_and_leaves_the_old_content() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    write(&file, b"x").unwrap();
    let below = file.join("below");
    for error in [
        write(&below, b"y").unwrap_err(),
        write_new(&below, b"y").unwrap_err(),
        append(&below, b"y\n").unwrap_err(),
        read(&below, 9).unwrap_err(),
        remove(&below).unwrap_err(),
        make_dir(&below).unwrap_err(),
    ] {
        assert!(error.to_string().contains(&file.display().to_string()), "{error}");
    }
    // A directory stands where the file should go: found at the rename, after all writing.
    let taken = dir.path().join("taken");
    make_dir(&taken.join("inside")).unwrap();
    assert!(write(&taken, b"z").is_err());
    assert_eq!(names(dir.path()), ["file", "taken"]);
    assert_eq!(fs::read(&file).unwrap(), b"x");
}

#[test]
fn links_pipes_and_long_files_are_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    write(&path("real"), b"12345").unwrap();
    symlink("real", path("link")).unwrap();
    assert!(matches!(read(&path("link"), 9).unwrap_err().cause, Cause::NotPlain));
    assert!(matches!(append(&path("link"), b"x\n").unwrap_err().cause, Cause::NotPlain));
    assert!(matches!(read(dir.path(), 9).unwrap_err().cause, Cause::NotPlain));
    assert!(Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
    assert!(matches!(read(&path("pipe"), 9).unwrap_err().cause, Cause::NotPlain));
    assert!(matches!(read(&path("real"), 4).unwrap_err().cause, Cause::TooLarge { limit: 4 }));
    assert_eq!(read(&path("none"), 9).unwrap(), None);
    // A file of no stated length that never ends.
    assert!(read(Path::new("/dev/zero"), 9).is_err());
}

#[test]
fn appending_heals_a_torn_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    append(&path, b"one\n").unwrap();
    append(&path, b"two\nthree\n").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"one\ntwo\nthree\n");
    fs::write(&path, [b"one\n".as_slice(), &[b'x'; 10_000]].concat()).unwrap();
    append(&path, b"two\n").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"one\ntwo\n");
    fs::write(&path, [b'x'; 10_000]).unwrap();
    append(&path, b"two\n").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two\n");
    assert_eq!(path.metadata().unwrap().mode() & 0o7777 & 0o077, 0);
}

#[test]
fn sweeping_takes_temporary_files_alone() {
    let (_home, home) = scratch_home();
    let lock = StateLock::wait(&home, None).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for name in [".new-1-0", ".new-1-1", ".hidden", "a"] {
        fs::write(dir.path().join(name), b"x").unwrap();
    }
    fs::create_dir(dir.path().join(".new-1-2")).unwrap();
    assert_eq!(sweep(dir.path(), &lock).unwrap(), 2);
    assert_eq!(names(dir.path()), [".hidden", ".new-1-2", "a"]);
    assert_eq!(sweep(&dir.path().join("none"), &lock).unwrap(), 0);
}

#[test]
fn leftover_temporary_names_are_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let pid = std::process::id();
    for n in 0..300 {
        fs::write(dir.path().join(format!(".new-{pid}-{n}")), b"left").unwrap();
    }
    write(&dir.path().join("a"), b"mine").unwrap();
    assert_eq!(fs::read(dir.path().join("a")).unwrap(), b"mine");
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    count: u32,
    words: Vec<String>,
}

#[test]
fn toml_round_trips_and_faults_have_lines() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.toml");
    let sample = Sample { count: 3, words: vec!["a\n\"b".to_owned()] };
    assert_eq!(read_toml::<Sample>(&path, 99).unwrap(), None);
    write_toml(&path, &sample).unwrap();
    assert_eq!(read_toml(&path, 99).unwrap(), Some(sample));
    for (text, line) in [
        (&b"count = 3\nwords = 3\n"[..], 2),
        (b"count = \"s3cret\"\nwords = []\n", 1),
        (b"count = 3\nwords = []\nx = 1\n", 3),
        (b"count = 3\nwords = [\n", 2),
        (b"count = 3\n\xff", 2),
    ] {
        fs::write(&path, text).unwrap();
        let said = read_toml::<Sample>(&path, 99).unwrap_err().to_string();
        assert!(said.starts_with(&format!("cannot read {}:{line}: ", path.display())), "{said}");
        assert!(!said.contains("s3cret") && !said.contains('\n'), "{said}");
    }
}

#[test]
fn toml_cut_at_any_length_is_read_or_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.toml");
    write_toml(&path, &Sample { count: 1234, words: vec!["a".to_owned(), "é".to_owned()] })
        .unwrap();
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        if let Err(error) = read_toml::<Sample>(&path, 99) {
            assert!(error.to_string().contains("s.toml"), "{error}");
        }
    }
}

/// A filesystem of 64 KiB at a directory, while it lives.
struct Tiny<'a>(&'a Path);

impl<'a> Tiny<'a> {
    fn mount(at: &'a Path) -> Option<Tiny<'a>> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64k", "tiny"]).arg(at);
        mount.output().ok().filter(|out| out.status.success()).map(|_| Tiny(at))
    }
}

impl Drop for Tiny<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[test]
fn full_disk_keeps_the_old_content_and_no_leftovers() {
    let dir = tempfile::tempdir().unwrap();
    let Some(tiny) = Tiny::mount(dir.path()) else {
        eprintln!("not tested: mounting takes privileges");
        return;
    };
    let (file, log) = (tiny.0.join("file"), tiny.0.join("log"));
    write(&file, &[1; 20_000]).unwrap();
    append(&log, b"line\n").unwrap();
    let error = write(&file, &[2; 60_000]).unwrap_err();
    assert!(matches!(error.cause, Cause::Full), "{error}");
    assert!(error.to_string().contains("file"));
    let error = append(&log, &[&[b'x'; 60_000][..], b"\n"].concat()).unwrap_err();
    assert!(matches!(error.cause, Cause::Full), "{error}");
    assert_eq!(fs::read(&file).unwrap(), [1; 20_000]);
    assert_eq!(fs::read(&log).unwrap(), b"line\n");
    assert_eq!(names(tiny.0), ["file", "log"]);
    write(&file, &[3; 30_000]).expect("there is room again");
}

#[test]
fn what_is_public_is_for_everybody_and_replaces_a_link() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("card");
    symlink("/dev/null", &path).unwrap();
    write_public(&path, b"card").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"card");
    let meta = path.symlink_metadata().unwrap();
    assert!(meta.is_file() && meta.mode() & 0o7777 == 0o644);
    assert_eq!(names(dir.path()), ["card"]);
}
