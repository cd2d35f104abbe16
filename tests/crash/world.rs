//! Two people and the directory by which they write to each other, in memory, at a path that stays
//! the same: so the whole world can be put back to how it was, stick and all, as often as needed.
//! Nothing is rolled back against the other side, which a copied home at a living relay would be.

use crate::programs::{self, Home};
use poste::store::home::Places;
use poste::store::progress::Progress;
use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Output;

/// A world and how it was when it was kept.
pub struct World {
    root: tempfile::TempDir,
}

/// A command somebody runs.
#[derive(Clone, Debug)]
pub struct Step {
    pub who: &'static str,
    pub args: Vec<String>,
    pub stdin: &'static [u8],
}

impl World {
    /// Alice and bob, who have written to each other.
    pub fn acquainted() -> World {
        let world = World::empty();
        world.acquaint(&world.stick());
        world
    }

    /// Alice and bob move in, and write to each other by way of a node.
    pub fn acquaint(&self, node: &str) {
        programs::acquainted(&self.dir(), node);
        for name in ["alice", "bob"] {
            // The day's exchange is not to come in the middle of a test.
            let places = Places::under(&self.home(name).dir);
            let mut progress = Progress::load(&places).unwrap();
            progress.daily_moment = Some(10 * 60);
            progress.save(&places).unwrap();
        }
        self.settle(&["bob", "alice"]);
    }

    /// Nobody yet, and an empty stick.
    pub fn empty() -> World {
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let root = tempfile::Builder::new().prefix("poste-crash.").tempdir_in(base).unwrap();
        let world = World { root };
        fs::create_dir_all(world.dir().join("stick")).unwrap();
        world
    }

    /// Where everything lies.
    pub fn dir(&self) -> PathBuf {
        self.root.path().join("world")
    }

    /// The directory node.
    pub fn stick(&self) -> String {
        format!("file://{}", self.dir().join("stick").display())
    }

    pub fn home(&self, name: &str) -> Home {
        Home { dir: self.dir().join(name) }
    }

    /// A path in the world, as text.
    pub fn path(&self, name: &str) -> String {
        self.dir().join(name).display().to_string()
    }

    /// Keeps the world as it is.
    pub fn keep(&self) {
        copy(&self.dir(), &self.kept());
    }

    /// Puts it back to how it was kept.
    pub fn restore(&self) {
        copy(&self.kept(), &self.dir());
    }

    /// Runs a command to its end.
    pub fn run(&self, step: &Step) -> Output {
        let args: Vec<&str> = step.args.iter().map(String::as_str).collect();
        self.home(step.who).run(&args, step.stdin)
    }

    /// Syncs, one after the other; each must succeed. Says which did not, and why.
    pub fn settle(&self, who: &[&'static str]) -> Vec<String> {
        let mut wrong = Vec::new();
        for who in who {
            let output = self.home(who).run(&["sync", "-v"], b"");
            if !output.status.success() {
                wrong.push(format!("{who} sync: {}", said(&output)));
            }
        }
        wrong
    }

    fn kept(&self) -> PathBuf {
        self.root.path().join("kept")
    }
}

/// Exit status and standard error on one line.
pub fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).trim().replace('\n', " / ");
    format!("{}: {text}", output.status)
}

/// Makes `to`, which may be where something is mounted, a copy of the tree `from`, modes and all.
pub fn copy(from: &Path, to: &Path) {
    if to.exists() {
        for entry in fs::read_dir(to).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                fs::remove_dir_all(path).unwrap()
            } else {
                fs::remove_file(path).unwrap()
            }
        }
    } else {
        fs::create_dir(to).unwrap();
    }
    for entry in walkdir::WalkDir::new(from).min_depth(1) {
        let entry = entry.unwrap();
        let target = to.join(entry.path().strip_prefix(from).unwrap());
        let meta = entry.metadata().unwrap();
        if meta.is_dir() {
            fs::DirBuilder::new().mode(meta.mode()).create(target).unwrap();
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
