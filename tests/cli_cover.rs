//! `poste cover` by the real program: one word of the configuration changes, and it is said what
//! keeps a home from taking part.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/programs.rs"]
mod programs;

use programs::Home;
use std::fs;

#[test]
fn on_off_and_status() {
    let dir = tempfile::tempdir().unwrap();
    let alice = Home::init(dir.path(), "alice", "https://relay.example");
    let config = alice.dir.join("config/config.toml");
    let config = if config.exists() { config } else { alice.dir.join("config.toml") };
    let before = format!("{}\n# by hand\n", fs::read_to_string(&config).unwrap());
    fs::write(&config, &before).unwrap();
    assert_eq!(alice.ok(&["cover", "status"]).lines().next(), Some("cover          off"));

    let output = alice.run(&["-v", "cover", "on"], b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && output.stdout.is_empty(), "{said}");
    assert!(said.contains("poste publish") && said.contains("identity host"), "{said}");
    let after = fs::read_to_string(&config).unwrap();
    let changed: Vec<_> = before.lines().zip(after.lines()).filter(|(a, b)| a != b).collect();
    assert_eq!(before.lines().count(), after.lines().count());
    assert_eq!(changed.len(), 1, "{changed:?}");
    assert!(
        changed[0].0.starts_with("# cover = false") && changed[0].1.starts_with("cover = true")
    );
    let status: serde_json::Value =
        serde_json::from_str(&alice.ok(&["cover", "status", "--json"])).unwrap();
    assert_eq!((&status["on"], &status["takes_part"]), (&true.into(), &true.into()));
    assert_eq!((&status["letters"], &status["budget"]), (&0.into(), &(400 << 10).into()));
    assert!(alice.ok(&["card", "--toml"]).contains("cover = false"), "not yet signed");
    alice.run(&["publish"], b"");
    assert!(alice.ok(&["card", "--toml"]).contains("cover = true"));

    fs::write(&config, format!("{after}pace = 0\n")).unwrap();
    let output = alice.run(&["cover", "status"], b"");
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot take part"));
    alice.ok(&["cover", "off"]);
    let off = fs::read_to_string(&config).unwrap();
    assert_eq!(off, format!("{after}pace = 0\n").replace("\ncover = true", "\ncover = false"));
    assert_eq!(alice.run(&["cover", "perhaps"], b"").status.code(), Some(64));
}
