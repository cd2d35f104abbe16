//! A command under strace(1): which of its calls touch the world or a socket, and the command once
//! more, killed or refused at one of them. strace counts a command's calls by name and thread;
//! only the first thread's are used, since it alone writes.

use crate::world::{Step, World};
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// Calls that change something, or could fail on the way to it.
pub const WRITING: &str = "write,pwrite64,writev,fsync,fdatasync,syncfs,rename,renameat,renameat2,\
                           link,linkat,unlink,unlinkat,rmdir,mkdir,mkdirat,ftruncate,fallocate";
/// Calls that look at the world.
pub const OPENING: &str = "open,openat,creat";
/// Calls that talk to a node.
pub const TALKING: &str = "connect,sendto,sendmsg,recvfrom,recvmsg";
/// What else a command does between these.
pub const OTHERS: &str = "read,close,getdents64,statx,newfstatat,fchmod,utimensat,flock,lseek";

/// One call of a command: the `at`th of that name.
#[derive(Clone, Debug)]
pub struct Call {
    pub name: String,
    pub at: usize,
    /// The call as strace wrote it.
    pub line: String,
}

/// What happened to a command.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// It was killed.
    Killed,
    /// It ended before, with this status.
    Ended(i32),
}

/// The calls of a command, run in the world as it stands, that touch the world or a socket, but
/// for directories made that are there already: those change nothing.
pub fn calls(world: &World, step: &Step, names: &str) -> Vec<Call> {
    let log = world.dir().with_file_name("trace");
    let options = ["-y".to_owned(), "-e".to_owned(), format!("trace={names}")];
    strace(world, step, log.to_str().unwrap(), &options);
    let calls = first_thread(&std::fs::read_to_string(log).unwrap(), &world.dir());
    assert!(!calls.is_empty(), "{step:?} touches nothing");
    calls
}

/// Of what strace wrote, the calls of the first thread that touch what lies in `here`, or a socket.
pub fn first_thread(log: &str, here: &Path) -> Vec<Call> {
    let first = log.split_whitespace().next().expect("a command makes calls");
    let here = here.display().to_string();
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut found = Vec::new();
    for line in log.lines() {
        let Some(call) = line.strip_prefix(first).map(str::trim_start) else { continue };
        let Some((name, _)) = call.split_once('(').filter(|_| !call.starts_with("<...")) else {
            continue;
        };
        let at = counts.entry(name.to_owned()).or_default();
        *at += 1;
        let ours = [here.as_str(), "<TCP:", "<socket:"].iter().any(|part| call.contains(part));
        if ours && !call.ends_with("EEXIST (File exists)") {
            found.push(Call { name: name.to_owned(), at: *at, line: call.to_owned() });
        }
    }
    found
}

/// Runs the command, killed when it makes this call.
pub fn killed(world: &World, step: &Step, call: &Call) -> End {
    let Call { name, at, .. } = call;
    let options = ["-e".to_owned(), format!("trace={name}"), "-e".to_owned()];
    let inject = format!("inject={name}:signal=KILL:when={at}");
    let output = strace(world, step, "/dev/null", &[&options[..], &[inject]].concat());
    match (output.status.signal(), output.status.code()) {
        (Some(9), _) => End::Killed,
        (_, Some(code)) => End::Ended(code),
        _ => panic!("{step:?} at {call:?}: {output:?}"),
    }
}

/// Runs the command, whose call fails with `errno`; with `lasting` all later ones of the name do.
pub fn failed(world: &World, step: &Step, call: &Call, errno: &str, lasting: bool) -> Output {
    let Call { name, at, .. } = call;
    let plus = if lasting { "+" } else { "" };
    let options = ["-e".to_owned(), format!("trace={name}"), "-e".to_owned()];
    let inject = format!("inject={name}:error={errno}:when={at}{plus}");
    strace(world, step, "/dev/null", &[&options[..], &[inject]].concat())
}

fn strace(world: &World, step: &Step, log: &str, options: &[String]) -> Output {
    let input = world.dir().with_file_name("input");
    std::fs::write(&input, step.stdin).unwrap();
    let home = world.home(step.who);
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", log]).args(options).arg(crate::programs::POSTE);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("POSTE_HOME", &home.dir).args(&step.args);
    command.stdin(File::open(input).unwrap()).stdout(Stdio::null());
    command.output().unwrap()
}

/// A strace(1) that waits in a running process for the `at`th call of a name in any of its threads,
/// and kills the process there. Ended when dropped.
pub struct Trap(Child);

impl Trap {
    /// Sets it in every thread of the process.
    pub fn set(process: u32, name: &str, at: usize) -> Trap {
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o", "/dev/null", "-p", &process.to_string()]);
        command.args(["-e", &format!("trace={name}")]);
        command.args(["-e", &format!("inject={name}:signal=KILL:when={at}")]);
        let trap = Trap(command.stderr(Stdio::null()).spawn().unwrap());
        crate::relay::soon("every thread is watched", || is_traced(process));
        trap
    }
}

impl Drop for Trap {
    fn drop(&mut self) {
        // It has ended by itself if the process has.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether all threads are watched, or the process is gone.
fn is_traced(process: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{process}/task")) else { return true };
    threads.filter_map(Result::ok).all(|thread| {
        let status = std::fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        // What it was waiting in counts as a call, so it may have been the last one.
        !status.contains("TracerPid:\t0\n") || status.contains("State:\tZ")
    })
}
