//! TOML files: read whole with a limit, faults reported with their line, written durably.
//!
//! Key files go this way too, so every buffer of ours is erased when dropped (what the TOML
//! library copies while it parses is out of reach), and of a parser's error only the message is
//! kept, never the line of the file that it quotes.

use super::super::error::{Cause, Error};
use super::{plain_flags, read_with, write, write_new};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;
use zeroize::Zeroizing;

/// The value that the TOML file `path` holds, `None` if there is no such file.
pub fn read_toml<T: DeserializeOwned>(path: &Path, limit: u64) -> Result<Option<T>, Error> {
    let Some(text) = read_text(path, limit, plain_flags())? else { return Ok(None) };
    parse_toml(path, &text).map(Some)
}

/// The value that `text` holds; `path` is for the errors.
pub fn parse_toml<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, Error> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| line_of(text, span.start));
        Error::damaged(path, line, without_values(&one_line(error.message())))
    })
}

/// Puts `value` as TOML at `path`, in place of what is there.
pub fn write_toml<T: Serialize>(path: &Path, value: &T) -> Result<(), Error> {
    write(path, to_text(path, value)?.as_bytes())
}

/// Puts `value` as TOML at `path`; fails if anything is there.
pub fn write_new_toml<T: Serialize>(path: &Path, value: &T) -> Result<(), Error> {
    write_new(path, to_text(path, value)?.as_bytes())
}

/// The text of a hand-written file, which may be a link into a collection of such files.
pub fn read_text_followed(path: &Path, limit: u64) -> Result<Option<Zeroizing<String>>, Error> {
    read_text(path, limit, rustix::fs::OFlags::NONBLOCK.bits() as i32)
}

/// Number of the line in which byte `at` of `text` lies, counted from 1.
pub fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|b| **b == b'\n').count() + 1
}

/// A parser's message on one line.
pub fn one_line(message: &str) -> String {
    message.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(", ")
}

/// The message without the quoted value that serde puts into some of its own: it may be a key.
fn without_values(message: &str) -> String {
    match (message.find('"'), message.rfind('"')) {
        (Some(start), Some(end)) if start < end => {
            format!("{}…{}", message[..start].trim_end(), &message[end + 1..])
        }
        _ => message.to_owned(),
    }
}

fn read_text(path: &Path, limit: u64, flags: i32) -> Result<Option<Zeroizing<String>>, Error> {
    let Some(bytes) = read_with(path, limit, flags)? else { return Ok(None) };
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let bytes = Zeroizing::new(error.into_bytes());
            let line = bytes[..at].iter().filter(|b| **b == b'\n').count() + 1;
            Err(Error::damaged(path, Some(line), "not UTF-8 text"))
        }
    }
}

fn to_text<T: Serialize>(path: &Path, value: &T) -> Result<Zeroizing<String>, Error> {
    toml::to_string(value).map(Zeroizing::new).map_err(|error| {
        Error::new(path, "write", Cause::Damaged { line: None, what: error.to_string() })
    })
}
