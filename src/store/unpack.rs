//! Reading an archive that anybody may have made: a tar file entry by entry, of plain files and
//! directories alone, each name relative, plain and met once. One entry that breaks a rule refuses
//! the whole archive, by its name. Nothing is ever unpacked to where the archive says: whoever calls
//! gets a name and bytes. Memory is bounded by the largest entry allowed.
//! Specified in poste-files(5), Archives.

use std::collections::HashSet;
use std::io::{self, ErrorKind, Read};
use tar::{EntryType, Header};

/// Bytes of one block.
const BLOCK: usize = 512;
/// Entries of an archive at most.
const MOST: usize = 4_000_000;
/// Bytes of a name at most.
const NAME: usize = 512;
/// Bytes of an extended header, or of a long name, at most.
const EXTENSION: u64 = 16 << 10;

/// Bytes of zeros after the end at most: more than the largest record of tar programs.
const ZEROS: u64 = 16 << 20;

/// Why an archive is refused.
#[derive(Debug, thiserror::Error)]
pub enum BadArchive {
    /// It is compressed.
    #[error("it is compressed; decompress it first (gzip -d, xz -d, zstd -d)")]
    Compressed,
    /// An entry breaks a rule.
    #[error("entry {name:?}: {why}")]
    Entry {
        /// Its name, as far as it can be read.
        name: String,
        /// The rule.
        why: &'static str,
    },
    /// Reading failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It has more entries than are read.
    #[error("it has more than {MOST} entries")]
    Many,
    /// It is no tar file, or is damaged, after so many whole entries.
    #[error("it is no tar file, or is damaged, after entry {0}")]
    NoTar(usize),
    /// It is an age file.
    #[error("it is sealed; open it first (age -d)")]
    Sealed,
    /// Something stands after its end.
    #[error("something follows its end, such as another archive")]
    Trailing,
    /// It ends in the middle.
    #[error("it is cut short after entry {0}")]
    Truncated(usize),
}

/// A file of an archive.
#[derive(Debug)]
pub struct Entry {
    /// The parts of its name, each plain: none is empty, `.` or `..`.
    pub name: Vec<String>,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// An archive being read.
pub struct Unpack<R: Read> {
    from: R,
    /// Bytes of a file at most.
    limit: u64,
    met: HashSet<Vec<String>>,
    count: usize,
    long_name: Option<String>,
}

impl<R: Read> Unpack<R> {
    /// Reads from `from`; no file may have more than `limit` bytes.
    pub fn new(from: R, limit: u64) -> Unpack<R> {
        Unpack { from, limit, met: HashSet::new(), count: 0, long_name: None }
    }

    /// The next file; `None` at the end, after which nothing but zeros may stand.
    pub fn entry(&mut self) -> Result<Option<Entry>, BadArchive> {
        loop {
            let Some(header) = self.header()? else { return Ok(None) };
            let found = String::from_utf8_lossy(&header.path_bytes()).into_owned();
            let bad = |why| BadArchive::Entry { name: found.chars().take(100).collect(), why };
            let size = header.entry_size().map_err(|_| bad("its size cannot be read"))?;
            let kind = header.entry_type();
            match kind {
                EntryType::GNULongName => {
                    let name = self.body(size, EXTENSION, &bad)?;
                    let name = String::from_utf8(name).map_err(|_| bad("its name is no UTF-8"))?;
                    if self.long_name.is_some() {
                        return Err(bad("it has two long names"));
                    }
                    self.long_name = Some(name.trim_end_matches('\0').to_owned());
                    continue;
                }
                EntryType::XHeader => {
                    let records = self.body(size, EXTENSION, &bad)?;
                    if !is_harmless(&records) {
                        return Err(bad("an extended header that says more than times and owners"));
                    }
                    continue;
                }
                _ => {}
            }
            self.count += 1;
            if self.count > MOST {
                return Err(BadArchive::Many);
            }
            let text = match self.long_name.take() {
                Some(name) => name,
                None => String::from_utf8(header.path_bytes().into_owned())
                    .map_err(|_| bad("its name is no UTF-8"))?,
            };
            let bad = |why| BadArchive::Entry { name: text.chars().take(100).collect(), why };
            let name = parts(&text).map_err(bad)?;
            if !name.is_empty() && !self.met.insert(name.clone()) {
                return Err(bad("its name was met before"));
            }
            match kind {
                EntryType::Directory if size == 0 => continue,
                EntryType::Directory => return Err(bad("a directory with content")),
                // Old programs write directories as files whose name ends in a slash.
                EntryType::Regular if text.ends_with('/') => {
                    return Err(bad("a file whose name ends in a slash"));
                }
                EntryType::Regular if name.is_empty() => return Err(bad("a file without a name")),
                EntryType::Regular => {
                    let bytes = self.body(size, self.limit, &bad)?;
                    return Ok(Some(Entry { name, bytes }));
                }
                _ => return Err(bad("neither a plain file nor a directory")),
            }
        }
    }

    /// The next header; `None` at the end.
    fn header(&mut self) -> Result<Option<Header>, BadArchive> {
        let mut header = Header::new_old();
        match self.from.read_exact(header.as_mut_bytes()) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return Err(BadArchive::Truncated(self.count));
            }
            other => other?,
        }
        let bytes = header.as_bytes();
        if bytes.iter().all(|b| *b == 0) {
            return self.end();
        }
        if self.count == 0 && is_compressed(bytes) {
            return Err(BadArchive::Compressed);
        }
        if self.count == 0 && bytes.starts_with(b"age-encryption.org/") {
            return Err(BadArchive::Sealed);
        }
        let sum: u32 = bytes.iter().map(|b| u32::from(*b)).sum();
        // The sum is taken as if its own field were spaces.
        let field: u32 = bytes[148..156].iter().map(|b| u32::from(*b)).sum();
        match header.cksum() {
            Ok(said) if said == sum - field + 8 * 32 => Ok(Some(header)),
            _ => Err(BadArchive::NoTar(self.count)),
        }
    }

    fn end(&mut self) -> Result<Option<Header>, BadArchive> {
        if self.long_name.is_some() {
            return Err(BadArchive::Truncated(self.count));
        }
        let mut rest = [0; 16 * BLOCK];
        let mut zeros = 0;
        loop {
            match self.from.read(&mut rest)? {
                0 => return Ok(None),
                length if zeros + length as u64 > ZEROS => {
                    return Err(BadArchive::Trailing);
                }
                length if rest[..length].iter().any(|b| *b != 0) => {
                    return Err(BadArchive::Trailing);
                }
                length => zeros += length as u64,
            }
        }
    }

    /// What follows a header, without its padding.
    fn body(
        &mut self,
        size: u64,
        limit: u64,
        bad: &dyn Fn(&'static str) -> BadArchive,
    ) -> Result<Vec<u8>, BadArchive> {
        if size > limit {
            return Err(bad("it is larger than may be"));
        }
        let padded = size.next_multiple_of(BLOCK as u64);
        let mut bytes = Vec::new();
        (&mut self.from).take(padded).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != padded {
            return Err(BadArchive::Truncated(self.count.saturating_sub(1)));
        }
        bytes.truncate(size as usize);
        Ok(bytes)
    }
}

/// The parts of a name that stays below where it begins.
pub fn parts(text: &str) -> Result<Vec<String>, &'static str> {
    if text.len() > NAME {
        return Err("its name is too long");
    }
    if text.starts_with('/') {
        return Err("its name is absolute");
    }
    if text.chars().any(char::is_control) {
        return Err("its name has a control character");
    }
    // tar(1) begins names so when it is given a dot.
    let text = text.strip_prefix("./").unwrap_or(text);
    let text = text.strip_suffix('/').unwrap_or(text);
    if text.is_empty() || text == "." {
        return Ok(Vec::new());
    }
    let parts: Vec<String> = text.split('/').map(str::to_owned).collect();
    if parts.iter().any(|part| part == "..") {
        return Err("its name leads out of the archive");
    }
    if parts.iter().any(|part| part.is_empty() || part == ".") {
        return Err("its name is not plain");
    }
    Ok(parts)
}

/// Whether the records of an extended header (POSIX pax) change nothing that is heeded here.
fn is_harmless(records: &[u8]) -> bool {
    const KNOWN: [&str; 9] = [
        "atime",
        "comment",
        "ctime",
        "gid",
        "gname",
        "mtime",
        "uid",
        "uname",
        "LIBARCHIVE.creationtime",
    ];
    let mut rest = records;
    while !rest.is_empty() {
        let space = rest.iter().position(|b| *b == b' ');
        let length = space.and_then(|at| std::str::from_utf8(&rest[..at]).ok()?.parse().ok());
        let (Some(space), Some(length)) = (space, length) else { return false };
        let Some(record) = rest.get(space + 1..length) else { return false };
        let key = record.split(|b| *b == b'=').next().unwrap_or_default();
        if !KNOWN.iter().any(|known| known.as_bytes() == key) || !record.ends_with(b"\n") {
            return false;
        }
        rest = &rest[length..];
    }
    true
}

fn is_compressed(bytes: &[u8]) -> bool {
    let magic: [&[u8]; 5] =
        [b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"];
    magic.iter().any(|magic| bytes.starts_with(magic))
}
