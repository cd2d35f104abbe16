//! The header of an age v1 file, read strictly and in linear time before the `age` crate sees it:
//! the crate's parser is quadratic in hostile headers, and takes forms that the format forbids.
//!
//! It refuses headers of more than 4 KiB or four stanzas, and whatever is not exactly the grammar
//! of c2sp.org/age. It judges no key and no body. See poste-protocol(7), Letters.

/// Bytes within which the `--- ` of the line that ends the header must stand.
pub const LIMIT: usize = 4096;
/// Most stanzas in a header.
pub const STANZAS: usize = 4;

const VERSION: &str = "age-encryption.org/v1";
const COLUMNS: usize = 64;
const MAC: usize = 43;

/// Why a header is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHeader {
    /// The first line is not `age-encryption.org/v1`.
    #[error("not an age v1 file")]
    NotAge,
    /// The header does not end within [`LIMIT`] bytes.
    #[error("the age header does not end within 4 KiB")]
    TooLong,
    /// More than [`STANZAS`] stanzas.
    #[error("the age header holds more than 4 stanzas")]
    TooMany,
    /// A line is not what the format says must stand there.
    #[error("the age header is malformed")]
    Malformed,
}

/// The stanzas of a well-formed header.
#[derive(Debug)]
pub struct Header<'a> {
    /// The words of each stanza's first line, its type first; at least one.
    pub stanzas: Vec<Vec<&'a str>>,
}

impl<'a> Header<'a> {
    /// Reads the header that `file` begins with.
    pub fn read(file: &'a [u8]) -> Result<Header<'a>, BadHeader> {
        let rest = file.strip_prefix(VERSION.as_bytes()).ok_or(BadHeader::NotAge)?;
        if rest.first() != Some(&b'\n') {
            return Err(BadHeader::NotAge);
        }
        let end = file[..file.len().min(LIMIT)]
            .windows(5)
            .position(|bytes| bytes == b"\n--- ")
            .ok_or(BadHeader::TooLong)?;
        let head = std::str::from_utf8(&file[..end]).map_err(|_| BadHeader::Malformed)?;
        check_mac(&file[end + 5..])?;
        let mut lines = head.split('\n').skip(1).peekable();
        let mut stanzas = Vec::new();
        while let Some(line) = lines.next() {
            if stanzas.len() == STANZAS {
                return Err(BadHeader::TooMany);
            }
            stanzas.push(words(line)?);
            // A body is full lines and then a shorter one, if need be an empty one.
            while body_line(lines.next().ok_or(BadHeader::Malformed)?)? == COLUMNS {}
        }
        if stanzas.is_empty() { Err(BadHeader::Malformed) } else { Ok(Header { stanzas }) }
    }

    /// How many stanzas are of this type.
    pub fn count(&self, kind: &str) -> usize {
        self.stanzas.iter().filter(|words| words[0] == kind).count()
    }
}

fn words(line: &str) -> Result<Vec<&str>, BadHeader> {
    let words: Vec<&str> =
        line.strip_prefix("-> ").ok_or(BadHeader::Malformed)?.split(' ').collect();
    let sound = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic());
    if words.iter().all(sound) { Ok(words) } else { Err(BadHeader::Malformed) }
}

fn body_line(line: &str) -> Result<usize, BadHeader> {
    if line.len() <= COLUMNS && line.bytes().all(is_base64) {
        Ok(line.len())
    } else {
        Err(BadHeader::Malformed)
    }
}

fn check_mac(rest: &[u8]) -> Result<(), BadHeader> {
    match rest.split_at_checked(MAC) {
        Some((mac, [b'\n', ..])) if mac.iter().copied().all(is_base64) => Ok(()),
        _ => Err(BadHeader::Malformed),
    }
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/'
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC_LINE: &str = "--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";

    fn read(stanzas: &str) -> Result<usize, BadHeader> {
        let file = format!("{VERSION}\n{stanzas}{MAC_LINE}payload");
        Header::read(file.as_bytes()).map(|header| header.stanzas.len())
    }

    #[test]
    fn stanzas_are_read_with_their_words() {
        let file = format!("{VERSION}\n-> a b c\n\n-> d\n{}\nAA\n{MAC_LINE}", "A".repeat(64));
        let header = Header::read(file.as_bytes()).unwrap();
        assert_eq!(header.stanzas, [vec!["a", "b", "c"], vec!["d"]]);
        assert_eq!(header.count("d"), 1);
        assert_eq!(header.count("b"), 0);
    }

    #[test]
    fn what_the_format_forbids_is_refused() {
        let full = "A".repeat(64);
        for stanzas in [
            "",
            "-> a\n",
            "-> a\nAA=\n",
            "-> a\nAA\nAA\n",
            "-> \n\n",
            "-> a  b\n\n",
            "-> a \n\n",
            "->a\n\n",
            "-> \u{e9}\n\n",
            "-> a\r\n\n",
            &format!("-> a\n{full}\n"),
            &format!("-> a\n{full}A\n\n"),
        ] {
            assert_eq!(read(stanzas), Err(BadHeader::Malformed), "{stanzas:?}");
        }
        assert_eq!(read("-> a\n\n"), Ok(1));
    }

    #[test]
    fn limits_hold() {
        assert_eq!(read(&"-> a\n\n".repeat(4)), Ok(4));
        assert_eq!(read(&"-> a\n\n".repeat(5)), Err(BadHeader::TooMany));
        // Before the word stand 25 bytes, after it two line feeds and `--- `.
        let word = |length: usize| format!("-> {}\n\n", "a".repeat(length));
        assert_eq!(read(&word(LIMIT - 31)), Ok(1));
        assert_eq!(read(&word(LIMIT - 30)), Err(BadHeader::TooLong));
    }

    #[test]
    fn other_files_are_not_age() {
        for file in ["", "age-encryption.org/v2\n", "age-encryption.org/v1", "-----BEGIN AGE"] {
            assert_eq!(Header::read(file.as_bytes()).unwrap_err(), BadHeader::NotAge);
        }
        let cut = format!("{VERSION}\n-> a\n\n--- AAAA");
        assert_eq!(Header::read(cut.as_bytes()).unwrap_err(), BadHeader::Malformed);
    }
}
