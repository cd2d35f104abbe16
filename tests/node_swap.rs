//! A machine with swap, and the real `posted` on it pressed for memory: nothing of a cell gets into
//! the swap space, neither before the wipe nor after it, while another process in the same straits
//! is found there. Without `noswap` on the mount of its store the node does not start.
//!
//! For some seconds this machine has swap, so it stands under `make soak`, and root alone can do it.
//! Where a node is only to see that there is some, it is shown another /proc/swaps.
//! What is held is posted(8), STORE and MEMORY.
#![cfg(feature = "node")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that meets an error failed")]

#[path = "crash/mount.rs"]
mod mount;
mod node;

use mount::{Mounted, run};
use node::faked::{Faked, afternoon};
use node::{MARKER, cell, get, holds_marker, memory, post, soon};
use poste::core::bucket::{Bucket, Class};
use poste::core::time::MINUTE;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// What the process holds that is to be found in the swap space.
const OTHER: &[u8] = b"this is of another process";
/// Of which it has so many bytes.
const HELD: usize = 16 << 20;

/// A file that the machine swaps to; no longer when dropped.
struct Swap(PathBuf);

impl Swap {
    fn on(file: PathBuf) -> Swap {
        std::fs::write(&file, vec![0; 128 << 20]).unwrap();
        let path = file.to_str().unwrap();
        run("chmod", &["600", path]);
        run("mkswap", &["-q", path]);
        run("swapon", &[path]);
        Swap(file)
    }

    /// How often `mark` is in the swap space, as it lies on the disk.
    fn count(&self, mark: &[u8]) -> usize {
        let file = format!("if={}", self.0.display());
        let image = Command::new("dd").args([&file, "iflag=direct", "bs=1M"]).output().unwrap();
        assert!(image.status.success(), "{}", String::from_utf8_lossy(&image.stderr));
        assert_eq!(image.stdout.len(), 128 << 20);
        image.stdout.windows(mark.len()).filter(|window| *window == mark).count()
    }
}

impl Drop for Swap {
    fn drop(&mut self) {
        // Nothing is left to be done if it fails, and the test has said what is wrong.
        let _ = Command::new("swapoff").arg(&self.0).status();
    }
}

/// A group of processes that can be pressed for memory; gone when dropped, if they are.
struct Straits {
    group: PathBuf,
    /// The file to write to, and what: of cgroup v1, or of v2.
    squeeze: (&'static str, &'static str),
}

impl Straits {
    fn new() -> Straits {
        let (at, squeeze) = if Path::new("/sys/fs/cgroup/memory").exists() {
            ("/sys/fs/cgroup/memory", ("memory.force_empty", "0"))
        } else {
            ("/sys/fs/cgroup", ("memory.reclaim", "1G"))
        };
        let group = Path::new(at).join(format!("poste-test-{}", std::process::id()));
        std::fs::create_dir(&group).unwrap();
        Straits { group, squeeze }
    }

    /// A shell line that enters the group and becomes the command that follows.
    fn enter(&self) -> String {
        format!("echo $$ >{}/cgroup.procs && exec \"$0\" \"$@\"", self.group.display())
    }

    /// Takes from its processes all memory that can be had. That not all can be is an error of v2.
    fn squeeze(&self) {
        let _ = std::fs::write(self.group.join(self.squeeze.0), self.squeeze.1);
    }
}

impl Drop for Straits {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.group);
    }
}

/// Killed when dropped.
struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A process of the group whose memory is full of [`OTHER`].
fn other(straits: &Straits) -> Held {
    let text = String::from_utf8(OTHER.to_vec()).unwrap();
    let script = format!(
        "import sys, time\nheld = '{text}' * ({HELD} // {})\nprint(flush=True)\ntime.sleep(600)",
        OTHER.len()
    );
    let mut child = Command::new("sh")
        .args(["-c", &straits.enter(), "python3", "-c", &script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let ready = child.stdout.take().unwrap();
    BufReader::new(ready).read_line(&mut line).unwrap();
    assert_eq!(line, "\n");
    Held(child)
}

#[test]
#[ignore = "make soak"]
fn a_node_pressed_for_memory_puts_nothing_into_swap() {
    let disk = tempfile::tempdir_in("/var/tmp").unwrap();
    let at = disk.path().join("memory");
    std::fs::create_dir(&at).unwrap();
    let tmpfs = |options: &[&str]| {
        let mounted = Mounted::new(&at, &[&["-t", "tmpfs", "poste-test"], options].concat());
        let text = "key_file = \"node.key\"\n[relay]\nlisten = \"127.0.0.1:0\"\n\
                    store = \"dir:store\"\n";
        mounted.inspect(|_| std::fs::write(at.join("posted.toml"), text).unwrap())
    };
    let Some(plain) = tmpfs(&[]) else { return };
    let swap = Swap::on(disk.path().join("swap"));
    let refused = Command::new(env!("CARGO_BIN_EXE_posted"))
        .args(["relay", "--check", "--config"])
        .arg(at.join("posted.toml"))
        .output()
        .unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("noswap"), "{said}");
    drop(plain);

    let _tmpfs = tmpfs(&["-o", "noswap"]).unwrap();
    let faked = Faked::at(&at, afternoon());
    let straits = Straits::new();
    let other = other(&straits);
    let node = faked.start_by(&at, &["sh", "-c", &straits.enter()]);
    let bucket = Bucket::at(Class::Hourly, afternoon());
    for batch in 0..64 {
        let cells: Vec<u8> = (0..64).flat_map(|i| cell((batch * 64 + i) as u16, i)).collect();
        assert_eq!(post(node.address, bucket, &cells).unwrap().status, 200);
    }
    assert_eq!(get(node.address, &format!("/v1/{bucket}/")).body.len(), 64 * 64 * 4096);
    straits.squeeze();
    assert!(holds_marker(&at.join("store")));
    assert!(swap.count(OTHER) * OTHER.len() > HELD / 2, "what is not locked is swapped");
    assert_eq!(swap.count(MARKER), 0, "before the wipe");

    faked.set(bucket.wiped());
    soon("the bucket is wiped", || !holds_marker(&at.join("store")));
    straits.squeeze();
    assert_eq!(swap.count(MARKER), 0, "after the wipe");
    assert_eq!(node.swapped(), "0 kB");
    node.kill();
    drop(other);
}

#[test]
fn swap_that_is_turned_on_later_is_said_once() {
    let dir = memory();
    let (swaps, none) = (dir.path().join("swaps"), "Filename Type Size Used Priority\n");
    std::fs::write(&swaps, none).unwrap();
    let script = format!("mount --bind {} /proc/swaps && exec \"$0\" \"$@\"", swaps.display());
    let faked = Faked::at(dir.path(), afternoon());
    let node = faked.start_by(dir.path(), &["unshare", "-rm", "sh", "-c", &script]);
    let said = || node.log().matches("the machine has swap and the mount lacks").count();
    let after = |minutes: u64| faked.set(afternoon() + minutes * MINUTE);
    after(2);
    std::thread::sleep(Duration::from_millis(1500));
    let before = said();
    std::fs::write(&swaps, format!("{none}/dev/sda2 partition 8388604 0 -2\n")).unwrap();
    after(4);
    soon("it is said", || said() == before + 1);
    after(6);
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(said(), before + 1, "once");
    std::fs::write(&swaps, none).unwrap();
    after(8);
    soon("it is off again", || node.log().contains("lies in memory alone again"));
    node.kill();
}
