//! The real-world messages that `tests/corpora.sh` has put into `target/corpora`, for every test
//! that wants real mail. They are not in the repository; a test without them fails and says how
//! to get them.

use std::path::Path;

/// Every message with its name, in the order of names. They must have been fetched.
pub fn messages() -> Vec<(String, Vec<u8>)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/corpora");
    assert!(
        dir.join("COMPLETE").exists(),
        "no real-world messages: run make deps, or tests/corpora.sh {}",
        dir.display()
    );
    let mut found: Vec<(String, Vec<u8>)> = std::fs::read_dir(&dir)
        .expect("the directory of messages can be read")
        .map(|entry| entry.expect("an entry can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
        .map(|path| {
            let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
            (name, std::fs::read(&path).expect("a message can be read"))
        })
        .collect();
    found.sort();
    found
}
