//! The power goes: a filesystem on a loop device is shut down under the programs, loses what was
//! not flushed, and is mounted again. What somebody was told is queued arrives, once; of the rest
//! each letter arrives once or not at all. Only what was said before the cut was issued counts.

use crate::check::{TEXT, sound, still};
use crate::kill::Tally;
use crate::mount::{Mounted, run};
use crate::scenario::ledger;
use crate::world::World;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Cuts on each filesystem.
const CUTS: usize = 40;

/// What bob was told, and what he tried.
#[derive(Default)]
struct Letters {
    queued: Vec<String>,
    tried: Vec<String>,
}

fn cuts(name: &str, make: &[&str], options: &str) {
    let world = World::empty();
    let image = world.dir().with_file_name("image");
    std::fs::File::create(&image).unwrap().set_len(400 << 20).unwrap();
    let image = image.to_str().unwrap();
    run(make[0], &[&make[1..], &[image]].concat());
    let at = world.dir();
    let mount = || Mounted::new(&at, &["-o", options, image]);
    let Some(mut mounted) = mount() else { return };
    std::fs::create_dir(at.join("stick")).unwrap();
    world.acquaint(&world.stick());
    // The configuration, which the tests edit as a person would.
    run("sync", &["-f", at.to_str().unwrap()]);
    let letters = Mutex::new(Letters::default());
    let mut tally = Tally::default();
    for cut in 0..CUTS {
        let stop = AtomicBool::new(false);
        let told = std::thread::scope(|scope| {
            let _ended = Ended(&stop);
            let busy = scope.spawn(|| write_and_sync(&world, &letters, &stop));
            std::thread::sleep(Duration::from_millis(40 + 29 * (cut as u64 % 16)));
            // Whoever was told before this line was told the truth.
            let told = letters.lock().unwrap().queued.clone();
            run("xfs_io", &["-x", "-c", "shutdown", at.to_str().unwrap()]);
            stop.store(true, Ordering::Relaxed);
            busy.join().unwrap();
            told
        });
        tally.points += 1;
        tally.hits += 1;
        drop(mounted);
        mounted = mount().expect("it was mounted before");
        let mut wrong = world.settle(&["bob", "alice", "bob"]);
        let mut all = ledger(&[]);
        let tried = letters.lock().unwrap().tried.clone();
        for what in ledger(&tried.iter().map(String::as_str).collect::<Vec<_>>()).into_keys() {
            let sure = told.contains(&what.2);
            all.entry(what).or_insert(usize::from(sure)..=1);
        }
        wrong.extend(sound(&world, &["alice", "bob"], &all));
        wrong.extend(still(&world, &["alice", "bob"]));
        tally.add(&format!("cut {cut}"), wrong);
        letters.lock().unwrap().queued = told;
    }
    tally.end(name);
}

/// Sets it when dropped: a test that fails must not wait for what goes on until then.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Bob writes and both sync until the power goes.
fn write_and_sync(world: &World, letters: &Mutex<Letters>, stop: &AtomicBool) {
    let (bob, alice) = (world.home("bob"), world.home("alice"));
    while !stop.load(Ordering::Relaxed) {
        let number = letters.lock().unwrap().tried.len();
        let subject = format!("letter {number}");
        letters.lock().unwrap().tried.push(subject.clone());
        if bob.run(&["send", "alice", "-s", &subject], TEXT).status.success() {
            letters.lock().unwrap().queued.push(subject);
        }
        for (home, every) in [(&bob, 2), (&alice, 3)] {
            if number.is_multiple_of(every) {
                home.run(&["sync"], b"");
            }
        }
    }
}

#[test]
#[ignore = "make soak"]
fn soak_ext4() {
    cuts("soak: power cuts on ext4", &["mkfs.ext4", "-q", "-F"], "loop,data=ordered");
}

#[test]
#[ignore = "make soak"]
fn soak_ext4_writeback() {
    let options = "loop,data=writeback,noauto_da_alloc";
    cuts("soak: power cuts on ext4 writeback", &["mkfs.ext4", "-q", "-F"], options);
}

#[test]
#[ignore = "make soak"]
fn soak_xfs() {
    cuts("soak: power cuts on xfs", &["mkfs.xfs", "-q", "-f"], "loop");
}
