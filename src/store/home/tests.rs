use super::*;
use std::os::unix::fs::{PermissionsExt, symlink};

/// An empty home in a directory that goes with the guard.
pub fn scratch_home() -> (tempfile::TempDir, Home) {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::create(Places::under(dir.path()), &[("transit.toml", b"")], "").unwrap();
    (dir, home)
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().mode() & 0o7777
}

#[test]
fn flags_go_before_variables_before_the_usual() {
    let some = |text: &str| Some(PathBuf::from(text));
    let mut given = Given { user_home: some("/home/alice"), ..Given::default() };
    let usual = Places::resolve(&given).unwrap();
    assert_eq!(usual.config_file(), Path::new("/home/alice/.config/poste/config.toml"));
    assert_eq!(usual.transit(), Path::new("/home/alice/.local/share/poste/keys/transit.toml"));
    assert_eq!(usual.seen_dir(), Path::new("/home/alice/.local/state/poste/seen"));

    given.xdg_data_home = some("/data");
    given.xdg_state_home = some("relative/is/ignored");
    let xdg = Places::resolve(&given).unwrap();
    assert_eq!(xdg.mail(), Path::new("/data/poste/mail"));
    assert_eq!(xdg.state(), usual.state());

    given.poste_home = some("/p");
    given.poste_config = some("/c.toml");
    let env = Places::resolve(&given).unwrap();
    assert_eq!(env.card(), Path::new("/p/share/card.toml"));
    assert_eq!(env.config_file(), Path::new("/c.toml"));

    given.home_flag = some("/f");
    let flag = Places::resolve(&given).unwrap();
    assert_eq!(flag.config_file(), Path::new("/f/config/config.toml"));
    assert_eq!(flag.lock_file(), Path::new("/f/state/lock"));
    given.config_flag = some("/d.toml");
    assert_eq!(Places::resolve(&given).unwrap().config_file(), Path::new("/d.toml"));
}

#[test]
fn nothing_set_is_a_configuration_error() {
    let given = Given { poste_home: Some(PathBuf::new()), ..Given::default() };
    let error = Places::resolve(&given).unwrap_err();
    assert_eq!(error.kind(), crate::store::Kind::Config);
    assert!(error.to_string().contains("HOME is not set"));
}

#[test]
fn created_home_is_private_and_opens() {
    let (_dir, home) = scratch_home();
    let places = home.places();
    for dir in places.dirs() {
        assert_eq!(mode(&dir), 0o700, "{}", dir.display());
    }
    assert_eq!(mode(&places.keys_dir()), 0o700);
    assert_eq!(mode(&places.transit()), 0o600);
    assert_eq!(mode(&places.config_file()), 0o600);
    Home::open(places.clone()).unwrap();
}

#[test]
fn missing_home_names_init() {
    let dir = tempfile::tempdir().unwrap();
    let error = Home::open(Places::under(dir.path())).unwrap_err();
    assert_eq!(error.hint().as_deref(), Some("poste init"));
    assert_eq!(error.kind(), crate::store::Kind::Config);
    assert!(!dir.path().join("share").exists(), "looking makes nothing");
}

#[test]
fn no_home_is_overwritten() {
    let (_dir, home) = scratch_home();
    let error = Home::create(home.places().clone(), &[], "").unwrap_err();
    assert!(matches!(error.cause, Cause::Exists));
    assert!(home.places().transit().exists());
}

#[test]
fn another_configuration_is_not_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let places = Places::under(dir.path());
    atomic::make_dir(&dir.path().join("config")).unwrap();
    fs::write(places.config_file(), "name = \"alice\"\n").unwrap();
    let error = Home::create(places.clone(), &[], "").unwrap_err();
    assert!(matches!(error.cause, Cause::Exists) && error.path == places.config_file());
    assert!(!places.exists());
}

#[test]
fn killed_creation_is_begun_again() {
    let (dir, home) = scratch_home();
    let places = home.places().clone();
    // As it stands when killed before the last rename.
    fs::rename(places.keys_dir(), places.data().join(".keys-new")).unwrap();
    assert!(matches!(Home::open(places.clone()).unwrap_err().cause, Cause::NoHome));
    Home::create(places.clone(), &[("archive.pub", b"age1")], "").unwrap();
    assert!(!places.transit().exists() && places.archive_pub().exists());
    drop(dir);
}

#[test]
fn missing_directories_come_back() {
    let (_dir, home) = scratch_home();
    let places = home.places();
    fs::remove_dir_all(places.state()).unwrap();
    fs::remove_dir(places.outbox_dir()).unwrap();
    Home::open(places.clone()).unwrap();
    assert!(places.seen_dir().is_dir() && places.outbox_dir().is_dir());
}

#[test]
fn what_others_may_read_is_refused_with_the_cure() {
    let (_dir, home) = scratch_home();
    let places = home.places().clone();
    for path in [places.data().to_owned(), places.keys_dir(), places.transit()] {
        let before = mode(&path);
        chmod(&path, before | 0o040);
        let error = Home::open(places.clone()).unwrap_err();
        assert_eq!(error.kind(), crate::store::Kind::Permission);
        assert_eq!(error.hint(), Some(format!("chmod -R go= {}", path.display())));
        chmod(&path, before);
    }
    chmod(&places.config_file(), 0o644);
    Home::open(places.clone()).expect("a configuration may be read");
    chmod(&places.config_file(), 0o664);
    assert!(Home::open(places).is_err(), "but not written");
}

#[test]
fn linked_key_file_is_refused() {
    let (dir, home) = scratch_home();
    let places = home.places().clone();
    fs::rename(places.transit(), dir.path().join("elsewhere")).unwrap();
    symlink(dir.path().join("elsewhere"), places.transit()).unwrap();
    assert!(matches!(Home::open(places).unwrap_err().cause, Cause::NotPlain));
}

#[test]
fn home_on_another_disk_by_a_link_is_fine() {
    let (dir, home) = scratch_home();
    let places = home.places().clone();
    fs::rename(places.data(), dir.path().join("disk")).unwrap();
    symlink(dir.path().join("disk"), places.data()).unwrap();
    Home::open(places).unwrap();
}

#[test]
fn home_opens_while_its_keys_are_being_replaced() {
    let (_dir, home) = scratch_home();
    let done = std::sync::atomic::AtomicBool::new(false);
    let set = std::sync::atomic::Ordering::Relaxed;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(set) {
                atomic::write(&home.places().transit(), b"x").unwrap();
            }
        });
        let opened: Vec<_> = (0..300).map(|_| Home::open(home.places().clone()).err()).collect();
        done.store(true, set);
        assert!(opened.iter().all(Option::is_none), "{:?}", opened.iter().flatten().next());
    });
}

#[test]
fn sweeping_reaches_every_directory() {
    let (_dir, home) = scratch_home();
    let places = home.places();
    let config = places.config_file().parent().unwrap().to_owned();
    let dirs =
        [config, places.keys_dir(), places.outbox_dir(), places.seen_dir(), places.state().into()];
    for dir in dirs {
        fs::write(dir.join(".new-1-1"), b"torn").unwrap();
    }
    let lock = StateLock::wait(&home, None).unwrap();
    assert_eq!(home.sweep(&lock).unwrap(), 5);
    assert!(places.transit().exists());
}
