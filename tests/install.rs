//! `make install`, `make uninstall` and `make deb`: what they put where, file by file, and that they
//! take it away again. The programs are those under test instead of a release build.
#![cfg(feature = "node")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

const TOP: &str = env!("CARGO_MANIFEST_DIR");

/// Runs a program that must succeed; what it printed.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}{errors}");
    said
}

/// A build in `dir` that has the two programs as its release.
fn built(dir: &Path) {
    fs::create_dir_all(dir.join("release")).unwrap();
    for program in [env!("CARGO_BIN_EXE_poste"), env!("CARGO_BIN_EXE_posted")] {
        let name = Path::new(program).file_name().unwrap();
        run(Command::new("strip").arg("-o").arg(dir.join("release").join(name)).arg(program));
    }
}

/// `make` with that build, by somebody whose files are for himself.
fn make(build: &Path, args: &[&str]) {
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 077; exec make \"$@\"", "sh", "-C", TOP, "CARGO=true"]);
    shell.arg(format!("CARGO_TARGET_DIR={}", build.display())).args(args);
    run(shell.env_remove("MAKEFLAGS").env_remove("MAKELEVEL"));
}

/// Files and links below `root`, as paths within it.
fn files(root: &Path) -> BTreeSet<String> {
    let entries = walkdir::WalkDir::new(root).into_iter().map(Result::unwrap);
    let entries = entries.filter(|entry| !entry.file_type().is_dir());
    entries.map(|e| e.path().strip_prefix(root).unwrap().display().to_string()).collect()
}

/// What is to lie below `prefix`.
fn wanted(prefix: &str) -> BTreeSet<String> {
    let fixed = "bin/poste bin/posted bin/poste-sendmail share/bash-completion/completions/poste \
                 share/zsh/site-functions/_poste share/fish/vendor_completions.d/poste.fish \
                 share/doc/poste/README.md share/doc/poste/CHANGELOG.md \
                 share/doc/poste/LICENSE-MIT share/doc/poste/LICENSE-APACHE \
                 lib/systemd/system/posted.service lib/systemd/system/run-posted.mount \
                 lib/systemd/user/poste-sync.service lib/systemd/user/poste-sync.timer";
    let mut wanted: BTreeSet<String> = fixed.split(' ').map(str::to_owned).collect();
    for page in files(&Path::new(TOP).join("man")) {
        let section = page.rsplit('.').next().unwrap();
        wanted.insert(format!("share/man/man{section}/{page}"));
    }
    // All examples but the programs among them and the units, which have their own place.
    for example in files(&Path::new(TOP).join("examples")) {
        if !example.ends_with(".rs") && !example.starts_with("s") {
            wanted.insert(format!("share/doc/poste/examples/{example}"));
        }
    }
    wanted.into_iter().map(|path| format!("{prefix}/{path}")).collect()
}

/// Whether zsh, or fish, as this system has them and nobody has set them up, looks for completions
/// there; fish where a desktop has set `XDG_DATA_DIRS`, without which it has no /usr/local.
fn is_looked_into(dir: &Path) -> bool {
    let (shell, args) = match dir.to_str().unwrap().contains("/zsh/") {
        true => ("zsh", &["-f", "-c", "print -l $fpath"][..]),
        false => ("fish", &["-c", "printf '%s\\n' $fish_complete_path"][..]),
    };
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(shell);
    command.env_clear().env("HOME", home.path()).env("PATH", "/usr/bin:/bin").args(args);
    if dir.starts_with("/usr/local") {
        command.env("XDG_DATA_DIRS", "/usr/local/share:/usr/share");
    }
    let asked = run(&mut command);
    assert!(asked.lines().count() > 1, "{shell}: {asked}");
    asked.lines().any(|line| Path::new(line) == dir)
}

#[test]
fn the_shells_look_where_a_plain_install_puts_completions() {
    let dir = tempfile::tempdir().unwrap();
    built(dir.path());
    let root = dir.path().join("root");
    make(dir.path(), &["install", &format!("DESTDIR={}", root.display())]);
    let there = files(&root);
    for name in ["/_poste", "/poste.fish"] {
        let file = there.iter().find(|path| path.ends_with(name)).unwrap();
        assert!(is_looked_into(Path::new("/").join(file).parent().unwrap()), "{file}");
    }
    assert!(!is_looked_into(Path::new("/opt/share/zsh/site-functions")));
}

#[test]
fn install_puts_every_file_in_its_place_and_uninstall_takes_all_away() {
    let dir = tempfile::tempdir().unwrap();
    let (build, root) = (dir.path().join("build"), dir.path().join("root"));
    built(&build);
    let to = format!("DESTDIR={}", root.display());
    make(&build, &["install", "PREFIX=/opt/poste", &to]);
    assert_eq!(files(&root), wanted("opt/poste"));
    for path in files(&root) {
        let mode = fs::metadata(root.join(&path)).unwrap().permissions().mode() & 0o777;
        let wanted = if path.contains("/bin/") { 0o755 } else { 0o644 };
        assert_eq!(mode, wanted, "{path}: {mode:o}");
        let bytes = fs::read(root.join(&path)).unwrap();
        assert!(!bytes.is_empty(), "{path}");
        let elsewhere = b"/usr/local/bin";
        let found = !path.contains("/bin/") && bytes.windows(14).any(|window| window == elsewhere);
        assert!(!found, "{path} names where the programs do not lie");
    }
    let program = root.join("opt/poste/bin/poste");
    assert!(run(Command::new(&program).arg("-V")).starts_with("poste "));
    let link = fs::read_link(root.join("opt/poste/bin/poste-sendmail")).unwrap();
    assert_eq!(link, Path::new("poste"));
    // Twice is as once.
    make(&build, &["install", "PREFIX=/opt/poste", &to]);
    assert_eq!(files(&root), wanted("opt/poste"));
    fs::write(root.join("opt/poste/bin/another"), "of somebody else").unwrap();
    make(&build, &["uninstall", "PREFIX=/opt/poste", &to]);
    assert_eq!(files(&root), BTreeSet::from(["opt/poste/bin/another".to_owned()]));
}

#[test]
fn nothing_is_installed_that_was_not_built() {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new("make")
        .args(["-C", TOP, "install", &format!("DESTDIR={}/root", dir.path().display())])
        .arg(format!("CARGO_TARGET_DIR={}/none", dir.path().display()))
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("run make first"));
    assert!(!dir.path().join("root").exists());
}

#[test]
fn the_debian_package_is_installed_and_purged_without_a_trace() {
    let dir = tempfile::tempdir().unwrap();
    built(dir.path());
    make(dir.path(), &["deb"]);
    let version = env!("CARGO_PKG_VERSION");
    let packages: Vec<_> =
        fs::read_dir(dir.path().join("deb")).unwrap().map(|e| e.unwrap().path()).collect();
    let package =
        packages.iter().find(|path| path.extension().is_some_and(|e| e == "deb")).unwrap();
    let field = |name| run(Command::new("dpkg-deb").arg("-f").arg(package).arg(name));
    assert_eq!(field("Version").trim(), version, "debian/changelog has the version of Cargo.toml");
    assert!(field("Depends").contains("libc6 (>= "), "{}", field("Depends"));

    // Into a root of its own, whose database knows no other package.
    let root = dir.path().join("root");
    let database = root.join("var/lib/dpkg");
    fs::create_dir_all(database.join("updates")).unwrap();
    fs::create_dir_all(database.join("info")).unwrap();
    fs::write(database.join("status"), "").unwrap();
    fs::write(database.join("available"), "").unwrap();
    let dpkg = |args: &[&str]| {
        let mut dpkg = Command::new("unshare");
        dpkg.args([
            "-r",
            "dpkg",
            "--force-depends",
            "--force-script-chrootless",
            "--log=/dev/null",
        ]);
        dpkg.arg(format!("--root={}", root.display())).args(args);
        run(dpkg.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"))
    };
    dpkg(&["-i", package.to_str().unwrap()]);
    let there: BTreeSet<String> =
        files(&root).into_iter().filter(|path| path.starts_with("usr/")).collect();
    let zipped = |path: String| match path.contains("/man/") || path.ends_with("CHANGELOG.md") {
        true => path + ".gz",
        false => path,
    };
    let mut all: BTreeSet<String> = wanted("usr").into_iter().map(zipped).collect();
    // Debian's zsh looks elsewhere for what packages bring.
    assert!(all.remove("usr/share/zsh/site-functions/_poste"));
    all.insert("usr/share/zsh/vendor-completions/_poste".to_owned());
    for prefix in ["usr/share/zsh/", "usr/share/fish/"] {
        let file = there.iter().find(|path| path.starts_with(prefix)).unwrap();
        assert!(is_looked_into(Path::new("/").join(file).parent().unwrap()), "{file}");
    }
    all.extend(
        ["copyright", "changelog.Debian.gz"].map(|name| format!("usr/share/doc/poste/{name}")),
    );
    assert_eq!(there, all);
    dpkg(&["-P", "poste"]);
    assert_eq!(files(&root).into_iter().filter(|path| !path.starts_with("var/")).count(), 0);
    assert!(!root.join("usr").exists(), "no directory either");
}
