//! A folder as one mbox, however large: a tar file says before an entry how long it is, so the
//! messages are read twice, first for their lengths. One is held at a time, and nothing in plain is
//! ever put into a temporary file. Specified in poste-files(5), Archives.

use super::Exported;
use crate::client::error::Error;
use crate::core::mail::mbox;
use crate::core::time::Time;
use crate::store::maildir::Entry;
use crate::store::pack::Pack;
use std::io::{self, Read, Write};

/// Gives a message in plain.
type Open<'a> = dyn Fn(&Entry) -> Result<Vec<u8>, Error> + 'a;

/// Adds the mbox `name` of these messages. What cannot be read is noted in `done`.
pub(super) fn add<W: Write>(
    pack: &mut Pack<W>,
    name: &str,
    entries: &[Entry],
    open: &Open<'_>,
    done: &mut Exported,
) -> Result<(), Error> {
    let mut lengths = Vec::new();
    for entry in entries {
        match open(entry) {
            Ok(message) => lengths.push((entry, mbox::write(&message, entry.name.time()).len())),
            Err(error) => done.skip(entry, &error),
        }
    }
    done.exported += lengths.len();
    let size = lengths.iter().map(|(_, length)| *length as u64).sum();
    let newest = entries.last().map_or(Time::default(), |entry| entry.name.time());
    let left = lengths.iter();
    Ok(pack.add_stream(name, size, newest, &mut Stream { open, left, at: 0, text: Vec::new() })?)
}

/// The mbox, read message by message.
struct Stream<'a> {
    open: &'a Open<'a>,
    left: std::slice::Iter<'a, (&'a Entry, usize)>,
    /// The message that is being read, as it stands in the mbox, and how far it is.
    text: Vec<u8>,
    at: usize,
}

impl Read for Stream<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.text.len() {
            let Some((entry, length)) = self.left.next() else { return Ok(0) };
            let message = (self.open)(entry).map_err(|error| io::Error::other(error.what))?;
            (self.text, self.at) = (mbox::write(&message, entry.name.time()), 0);
            if self.text.len() != *length {
                let path = entry.path.display();
                return Err(io::Error::other(format!("{path} was changed meanwhile; try again")));
            }
        }
        let length = out.len().min(self.text.len() - self.at);
        out[..length].copy_from_slice(&self.text[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}
