//! A network of one's own, in which there is loopback and nothing else.

use std::process::Command;

/// Runs the test `name` again where only loopback is; whether this is that second run.
pub fn is_alone(name: &str) -> bool {
    // The table's two lines of head, and loopback.
    let devices = std::fs::read_to_string("/proc/self/net/dev").unwrap();
    if devices.lines().count() == 3 {
        let up = Command::new("ip").args(["link", "set", "lo", "up"]).status();
        assert!(up.expect("ip is installed (make deps)").success());
        return true;
    }
    let mut again = Command::new("unshare");
    again.arg("-rn").arg(std::env::current_exe().unwrap()).args(["--exact", name]);
    let output = again.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("1 passed"), "{said}");
    false
}
