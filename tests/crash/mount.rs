//! Filesystems that a test mounts over its world and takes away again.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Something mounted; unmounted when dropped.
pub struct Mounted(PathBuf);

impl Mounted {
    /// Mounts at `at` by mount(8) with these arguments; `None` for who may not.
    pub fn new(at: &Path, args: &[&str]) -> Option<Mounted> {
        if !rustix::process::geteuid().is_root() {
            println!("crash: only root mounts: nothing was tried");
            return None;
        }
        run("mount", &[args, &[at.to_str().unwrap()]].concat());
        Some(Mounted(at.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily, since a test that failed may have left a file open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Runs a program that must succeed.
pub fn run(program: &str, args: &[&str]) {
    let output = Command::new(program).args(args).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {said}");
}
