//! The rules of the house for one file at a time, each a function from a file to what is wrong in
//! it, as `path:line: what`. The tests at the end show each rule a bad sample that it must catch
//! and a good one that it must leave alone.

use crate::source::{Source, children, place, words};

/// Longest file, in lines.
const CEILING: usize = 400;

/// Each floor and the floors it may use.
const FLOORS: [(&str, &[&str]); 6] = [
    ("core", &[]),
    ("store", &["core"]),
    ("net", &["core"]),
    ("client", &["core", "store", "net"]),
    ("cli", &["core", "store", "net", "client"]),
    ("node", &["core", "net"]),
];

/// What makes a program depend on where and when it runs: modules of `std`, then names.
const EFFECTS_OF_STD: [&str; 5] = ["fs", "net", "env", "process", "thread"];
const EFFECTS: [&str; 14] = [
    "SystemTime",
    "Instant",
    "::now(",
    "stdin(",
    "stdout(",
    "stderr(",
    "File::",
    "getrandom::",
    "OsRng",
    "rustix::",
    "tempfile::",
    "ureq::",
    "tokio::",
    "hyper::",
];

/// Crates with raw cryptography, as paths name them.
const CRYPTO: [&str; 8] =
    ["x25519_dalek", "ed25519_dalek", "hkdf", "hmac", "chacha20poly1305", "sha2", "sha3", "ml_kem"];

/// The only files that may name them, and why.
const CRYPTO_FILES: [(&str, &str); 4] = [
    ("src/core/prim.rs", "every raw call, each with the reason why it is safe"),
    ("src/core/hybrid.rs", "the hybrid recipient, until the age crate has its own"),
    ("src/core/hybrid/xwing.rs", "the KEM beneath it"),
    ("src/node/key.rs", "the key by which a node is recognised"),
];

const PRINTING: [&str; 4] = ["print!", "println!", "eprint!", "eprintln!"];

/// A floor uses only the floors it stands on; each program uses its own half of the house.
pub fn floors(file: &Source) -> Vec<String> {
    let (allowed, root): (&[&str], _) = match (file.path, file.floor()) {
        ("src/bin/poste.rs", _) => (&["core", "store", "net", "client", "cli"], "poste"),
        ("src/bin/posted.rs", _) => (&["core", "node"], "poste"),
        (_, Some(floor)) => match FLOORS.iter().find(|(name, _)| *name == floor) {
            Some((_, allowed)) => (*allowed, "crate"),
            None => return vec![format!("{}:1: {floor} is no floor of the house", file.path)],
        },
        (_, None) => return Vec::new(),
    };
    let here = file.floor().unwrap_or_default();
    let code = file.code();
    let climbs = out_of_the_floor(file).into_iter().map(|at| {
        place(file.path, &code, at) + "write the path as `use crate::…`, so that its floor shows"
    });
    children(&code, root)
        .into_iter()
        .filter(|(_, used)| FLOORS.iter().any(|(name, _)| name == used))
        .filter(|(_, used)| used != here && !allowed.contains(&used.as_str()))
        .map(|(at, used)| format!("{}{here} may not use {used}", place(file.path, &code, at)))
        .chain(climbs)
        .collect()
}

/// Where `super::super::…` climbs to the root of the crate, from which it may enter any floor.
fn out_of_the_floor(file: &Source) -> Vec<usize> {
    let code = file.shipped();
    let module = file.path.trim_start_matches("src/").trim_end_matches(".rs");
    let depth = module.trim_end_matches("/mod").split('/').count();
    let runs = words(&code, &"super::".repeat(depth));
    runs.into_iter().filter(|at| !code[..*at].ends_with("super::")).collect()
}

/// No file is longer than the ceiling.
pub fn length(file: &Source) -> Vec<String> {
    let lines = file.text.lines().count();
    let wrong = lines > CEILING;
    wrong.then(|| format!("{}:{lines}: over {CEILING} lines", file.path)).into_iter().collect()
}

/// Each file begins by saying what it is: 3–14 lines, fewer in small ones and in tests. A `tests.rs`
/// is the end of the file it stands under, whose header serves for both.
pub fn header(file: &Source) -> Vec<String> {
    let lines = file.text.lines().take_while(|line| line.starts_with("//!")).count();
    let least = match file.text.lines().count() {
        _ if file.path.ends_with("/tests.rs") => 0,
        _ if file.is_tests() => 1,
        0..20 => 1,
        20..60 => 2,
        _ => 3,
    };
    let wrong = !(least..=14).contains(&lines);
    let what = format!("{}:1: {lines} lines of `//!` at the top, not {least} to 14", file.path);
    wrong.then_some(what).into_iter().collect()
}

/// The core has no file, socket, environment, clock, random source or terminal.
pub fn pure_core(file: &Source) -> Vec<String> {
    if file.floor() != Some("core") {
        return Vec::new();
    }
    let code = file.shipped();
    let std = children(&code, "std").into_iter().filter_map(|(at, name)| {
        EFFECTS_OF_STD.contains(&name.as_str()).then(|| (at, format!("std::{name}")))
    });
    let names = EFFECTS.iter().chain(&PRINTING);
    let names = names.flat_map(|n| words(&code, n).into_iter().map(|at| (at, n.to_string())));
    std.chain(names)
        .map(|(at, what)| format!("{}{what} in the pure core", place(file.path, &code, at)))
        .collect()
}

/// Raw cryptography is called in few files.
pub fn crypto(file: &Source) -> Vec<String> {
    if CRYPTO_FILES.iter().any(|(path, _)| *path == file.path) {
        return Vec::new();
    }
    let code = file.shipped();
    let mut wrong = Vec::new();
    for name in CRYPTO {
        let paths = words(&code, &format!("{name}::"));
        let whole = words(&code, &format!("use {name}"));
        for at in paths.into_iter().filter(|at| !code[..*at].ends_with("::")).chain(whole) {
            let here = place(file.path, &code, at);
            wrong.push(format!("{here}{name} outside core/prim.rs"));
        }
    }
    wrong
}

/// Nothing that is read can end the program.
pub fn no_unwrap(file: &Source) -> Vec<String> {
    let code = file.shipped();
    words(&code, ".unwrap()")
        .into_iter()
        .map(|at| place(file.path, &code, at) + "unwrap() outside tests")
        .collect()
}

/// Only the programs and `cli/ui.rs` print.
pub fn no_printing(file: &Source) -> Vec<String> {
    if file.path == "src/cli/ui.rs" || file.floor() == Some("bin") {
        return Vec::new();
    }
    let code = file.shipped();
    PRINTING
        .iter()
        .flat_map(|name| words(&code, name))
        .map(|at| place(file.path, &code, at) + "printing outside cli/ui.rs")
        .collect()
}

/// Unit tests are not shipped, wherever they stand.
pub fn tests_are_tests(file: &Source) -> Vec<String> {
    let code = file.shipped();
    words(&code, "mod tests")
        .into_iter()
        .map(|at| place(file.path, &code, at) + "unit tests without #[cfg(test)]")
        .collect()
}

/// Nothing is left half done.
pub fn finished(file: &Source) -> Vec<String> {
    let code = file.code();
    ["todo!", "unimplemented!", "dbg!"]
        .iter()
        .flat_map(|name| words(&code, name))
        .map(|at| place(file.path, &code, at) + "left half done")
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rule = fn(&Source) -> Vec<String>;

    fn check(rule: Rule, path: &str, text: &str) -> Vec<String> {
        rule(&Source { path, text })
    }

    fn catches(rule: Rule, path: &str, text: &str, line: usize) {
        let found = check(rule, path, text);
        let place = format!("{path}:{line}: ");
        assert!(found.iter().any(|what| what.starts_with(&place)), "{text:?} gave {found:?}");
    }

    fn allows(rule: Rule, path: &str, text: &str) {
        assert_eq!(check(rule, path, text), Vec::<String>::new(), "{text:?}");
    }

    #[test]
    fn floors_are_kept() {
        catches(floors, "src/store/outbox.rs", "\nuse crate::net::http;", 2);
        catches(floors, "src/core/cell.rs", "use crate::{core::keys, store::{a, b}};", 1);
        catches(floors, "src/node/relay.rs", "fn f() {\n crate::client::sync();\n}", 2);
        catches(floors, "src/net/http.rs", "use super::super::store::Home;", 1);
        catches(floors, "src/bin/posted.rs", "use poste::cli;", 1);
        catches(floors, "src/attic/x.rs", "", 1);
        catches(floors, "src/net/mod.rs", "use super::store::Home;", 1);
        allows(floors, "src/store/maildir/name.rs", "use super::super::error::Error;");
        allows(floors, "src/client/sync.rs", "use crate::{core::plan, net, store::home};");
        allows(floors, "src/cli/mod.rs", "//! use crate::node\nuse crate::client;");
        allows(floors, "src/bin/posted.rs", "use poste::node;");
    }

    #[test]
    fn files_are_short_and_say_what_they_are() {
        catches(length, "src/cli/mod.rs", &"x\n".repeat(401), 401);
        allows(length, "src/cli/mod.rs", &"x\n".repeat(400));
        let body = "\nfn f() {}".repeat(60);
        catches(header, "src/core/a.rs", &format!("//! One.\n//! Two.{body}"), 1);
        catches(header, "src/core/a.rs", &format!("{}{body}", "//! Long.\n".repeat(15)), 1);
        catches(header, "src/core/a.rs", &format!("// One.\n// Two.\n// Three.{body}"), 1);
        allows(header, "src/core/a.rs", &format!("//! One.\n//! Two.\n//! Three.{body}"));
        catches(header, "src/core/mod.rs", "pub mod a;", 1);
        allows(header, "src/core/mod.rs", "//! One.\npub mod a;");
    }

    #[test]
    fn core_is_pure() {
        for bad in [
            "use std::fs;",
            "use std::{fmt, net::TcpStream};",
            "fn f() { let t = std::time::SystemTime::UNIX_EPOCH; }",
            "fn f() { jiff::Timestamp::now(); }",
            "fn f() { println!(); }",
            "fn f() { getrandom::fill(); }",
        ] {
            catches(pure_core, "src/core/a.rs", bad, 1);
        }
        allows(pure_core, "src/core/a.rs", "use std::fmt; // std::fs\nfn instantly() {}");
        allows(pure_core, "src/store/a.rs", "use std::fs;");
    }

    #[test]
    fn raw_crypto_stands_in_few_files() {
        catches(crypto, "src/core/card.rs", "\nuse ed25519_dalek::Verifier;", 2);
        catches(crypto, "src/core/card.rs", "fn f() { sha2::Sha256::new(); }", 1);
        catches(crypto, "src/core/card.rs", "use hkdf as h;", 1);
        allows(
            crypto,
            "src/core/card.rs",
            "use crate::core::prim::{hkdf, hmac};\nfn f() { prim::hkdf(); }",
        );
        allows(crypto, "src/core/prim.rs", "use hmac::Hmac;");
    }

    #[test]
    fn nothing_unwraps_prints_or_waits_to_be_done() {
        catches(no_unwrap, "src/net/a.rs", "fn f() {\n read()\n  .unwrap();\n}", 3);
        allows(no_unwrap, "src/net/a.rs", "#[cfg(test)]\nmod tests { fn f() { a.unwrap() } }");
        allows(no_unwrap, "src/net/a.rs", "fn f() { a.unwrap_or_default() }");
        allows(no_unwrap, "src/net/tests/a.rs", "fn f() { a.unwrap() }");
        catches(tests_are_tests, "src/net/mod.rs", "\nmod tests;", 2);
        allows(tests_are_tests, "src/net/mod.rs", "#[cfg(test)]\npub(crate) mod tests;");
        catches(no_printing, "src/client/a.rs", "fn f() { eprintln!(\"x\"); }", 1);
        allows(no_printing, "src/cli/ui.rs", "fn f() { eprintln!(\"x\"); }");
        for bad in ["todo!()", "unimplemented!()", "dbg!(x)"] {
            catches(finished, "tests/a.rs", &format!("fn f() {{ {bad} }}"), 1);
        }
        allows(finished, "tests/a.rs", "fn f() { g(\"todo!()\") } // dbg!");
    }
}
