//! The memory of the process is shown to nobody and written nowhere: no core file, no tracing by
//! other processes of the same user, no swap. What can be had of this depends on the system; only
//! what could put cells on a disk is worth a line in the log.
//! Specified in posted(8), MEMORY.

use crate::node::log::Log;
use crate::node::tmpfs;
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use rustix::thread::{CapabilitySet, capabilities};

/// Takes all the privacy that the system grants.
pub fn keep(log: Log) {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let limited = setrlimit(Resource::Core, none);
    // Where a program takes the core files, the limit does not hold; this does.
    let undumpable = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if let (Err(error), Err(_)) = (limited, undumpable) {
        log.error(format_args!("core files cannot be turned off: {error}"));
    }
    if !lock() && tmpfs::has_swap().unwrap_or(true) {
        log.error(
            "the machine has swap, and the limit of locked memory lets parts of this process be \
             written there",
        );
    }
}

/// Keeps all pages in memory, those to come too. Under a limit they would fail to come once it is
/// reached, so there is none, or none that holds for this process, or nothing is locked.
fn lock() -> bool {
    let unlimited = Rlimit { current: None, maximum: None };
    let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    (setrlimit(Resource::Memlock, unlimited).is_ok() || is_exempt()) && mlockall(flags).is_ok()
}

/// Whether the limit does not hold for this process. The kernel asks for the capability in the first
/// user namespace: that of a container's own root counts for nothing.
fn is_exempt() -> bool {
    let users = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::IPC_LOCK))
        && maps_everybody(&users)
}

/// Whether an uid_map of user_namespaces(7) is that of the first namespace.
fn maps_everybody(uid_map: &str) -> bool {
    uid_map.split_whitespace().eq(["0", "0", "4294967295"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_of_a_container_is_not_everybody() {
        assert!(maps_everybody("         0          0 4294967295\n"));
        assert!(!maps_everybody("         0       1000          1\n"));
        assert!(!maps_everybody("         0     100000      65536\n"));
        assert!(!maps_everybody("0 1000 1\n1 100000 65536\n"));
        assert!(!maps_everybody(""));
    }
}
