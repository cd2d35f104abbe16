//! Small documents by address: fetching a card, a list of nodes or what a node says of itself,
//! putting one's own card at an identity host, and posting a report to a tracker. The rules are
//! those of nodes (no redirects, cookies, encodings or conditional requests), but any web server may
//! hold a card, so a length is not demanded; what comes is cut off at a limit and proves itself by
//! its signature, or is refused by whoever reads it.
//! Format: poste-protocol(7), Card, Tracker and Identity host.

use super::agent::{Ask, Wire};
use super::error::{Cause, Error, Failure};
use super::{Address, Answer, Heard, Net};
use crate::core::random::Random;
use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The most bytes that a card, and an answer to one that is put, may have.
pub const DOCUMENT_LIMIT: u64 = 16 * 1024;

/// Fetches the document at `address`, of at most `limit` bytes.
pub(super) fn fetch(
    net: &Net,
    address: &Address,
    limit: u64,
    rng: &mut dyn Random,
) -> Result<Answer<Vec<u8>>, Error> {
    let fetched = match address.directory() {
        Some(path) => read_file(path, limit)
            .map(|body| Answer { body, heard: Heard::default() })
            .map_err(Failure::from),
        None => get(net, address, limit, rng),
    };
    fetched.map_err(|failure| failure.at(address, "fetching"))
}

/// Puts `document` at `address`.
pub(super) fn put(
    net: &Net,
    address: &Address,
    document: &[u8],
    rng: &mut dyn Random,
) -> Result<Heard, Error> {
    send(net, address, Ask::Put(document), rng).map_err(|failure| failure.at(address, "putting"))
}

/// Posts `document` to `address`.
pub(super) fn post(
    net: &Net,
    address: &Address,
    document: &[u8],
    rng: &mut dyn Random,
) -> Result<Heard, Error> {
    send(net, address, Ask::Post(document), rng).map_err(|failure| failure.at(address, "posting"))
}

fn get(
    net: &Net,
    address: &Address,
    limit: u64,
    rng: &mut dyn Random,
) -> Result<Answer<Vec<u8>>, Failure> {
    let reply = Wire::new(net, address, rng)?.ask(Ask::Get, address.as_str(), limit)?;
    let heard = reply.heard;
    match reply.status {
        200 => Ok(Answer { body: reply.read(limit, |_| Ok(()))?, heard }),
        404 | 410 => Err(Failure { cause: Cause::Absent, heard }),
        _ => Err(reply.failure()),
    }
}

fn send(
    net: &Net,
    address: &Address,
    document: Ask,
    rng: &mut dyn Random,
) -> Result<Heard, Failure> {
    if address.directory().is_some() {
        return Err(Cause::Address(super::BadAddress::Scheme).into());
    }
    let wire = Wire::new(net, address, rng)?;
    let reply = wire.ask(document, address.as_str(), DOCUMENT_LIMIT)?;
    match reply.status {
        200 | 201 | 204 => Ok(reply.heard),
        409 => Err(Failure { cause: Cause::Outdated, heard: reply.heard }),
        _ => Err(reply.failure()),
    }
}

/// Reads a file of one's own naming. Opened without waiting, so that a named pipe cannot hold a
/// sync up.
fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, Cause> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let disk = |error: rustix::io::Errno| match error {
        rustix::io::Errno::NOENT => Cause::Absent,
        rustix::io::Errno::ACCESS => Cause::Denied,
        other => Cause::Disk(other.into()),
    };
    let file = open(path, flags, Mode::empty()).map_err(disk)?;
    let stat = fstat(&file).map_err(disk)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(Cause::broken("not a regular file"));
    }
    let mut body = Vec::new();
    File::from(file).take(limit + 1).read_to_end(&mut body).map_err(Cause::Disk)?;
    if body.len() as u64 > limit {
        return Err(Cause::TooLong { limit });
    }
    Ok(body)
}
