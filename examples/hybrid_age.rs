//! Seals and opens single files with age's hybrid keys (`age1pq1…`), for systems whose `age` is
//! older than 1.3 and does not know them yet.
//!
//! ```text
//! hybrid_age new > key.txt               make an identity
//! hybrid_age public key.txt              print its recipient
//! hybrid_age seal age1pq1… < a > a.age   seal standard input
//! hybrid_age open key.txt < a.age > a    open standard input
//! ```

use std::error::Error;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::{env, fs};

use poste::core::archive::{ArchiveIdentity, ArchiveRecipient, open_at_rest, seal_at_rest};
use poste::core::hybrid::{HybridPublic, HybridSecret};
use poste::core::random::Random;

/// Largest file taken, in bytes: all of it is held in memory.
const LIMIT: usize = 1 << 30;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to be done if even standard error is closed.
            let _ = writeln!(io::stderr(), "hybrid_age: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    match arguments {
        ["new"] => {
            let secret = HybridSecret::generate(&mut System);
            writeln!(out, "# public key: {}\n{}", secret.public(), *secret.to_text())?;
        }
        ["public", path] => writeln!(out, "{}", identity(path)?.public())?,
        ["seal", recipient] => {
            let to = ArchiveRecipient::Hybrid(recipient.parse::<HybridPublic>()?);
            out.write_all(&seal_at_rest(&to, &input()?, &mut System))?;
        }
        ["open", path] => {
            let identity = ArchiveIdentity::Hybrid(identity(path)?);
            out.write_all(&open_at_rest(&identity, &input()?, LIMIT)?)?;
        }
        _ => {
            return Err(
                "usage: hybrid_age new | public KEYFILE | seal RECIPIENT | open KEYFILE".into()
            );
        }
    }
    Ok(out.flush()?)
}

/// The first line of an identity file that is not a comment.
fn identity(path: &str) -> Result<HybridSecret, Box<dyn Error>> {
    let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let line = text.lines().find(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(line.unwrap_or_default().parse().map_err(|error| format!("{path}: {error}"))?)
}

fn input() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = LIMIT as u64 + 4096;
    io::stdin().lock().take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other("standard input is longer than 1 GiB"));
    }
    Ok(bytes)
}

/// The system's random numbers.
struct System;

impl Random for System {
    fn fill(&mut self, out: &mut [u8]) {
        getrandom::fill(out).expect("the system has random numbers");
    }
}
