//! The header `Range` of a download: one range of bytes. Several ranges, and any that lies
//! outside, are refused; a unit other than bytes is ignored, as HTTP wants.
//! Specified in RFC 9110 section 14; poste-protocol(7), Relay.

use std::ops::Range;

/// The header asks for what is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsatisfiable;

/// The range that `header` asks of `length` bytes; `None` for all of them.
pub fn parse(header: &[u8], length: u64) -> Result<Option<Range<u64>>, Unsatisfiable> {
    let text = std::str::from_utf8(header).map_err(|_| Unsatisfiable)?;
    let Some((unit, range)) = text.split_once('=') else { return Err(Unsatisfiable) };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Ok(None);
    }
    let (first, last) = range.trim().split_once('-').ok_or(Unsatisfiable)?;
    let range = if first.is_empty() {
        let suffix = number(last)?;
        length.saturating_sub(suffix)..length
    } else {
        let first = number(first)?;
        let end = if last.is_empty() { length } else { number(last)?.saturating_add(1) };
        // A range that ends before it begins is not one, wherever the bytes end.
        if end <= first && !last.is_empty() {
            return Err(Unsatisfiable);
        }
        first..end.min(length)
    };
    if range.is_empty() { Err(Unsatisfiable) } else { Ok(Some(range)) }
}

fn number(text: &str) -> Result<u64, Unsatisfiable> {
    if text.is_empty() || text.len() > 19 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Unsatisfiable);
    }
    text.parse().map_err(|_| Unsatisfiable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (header, wanted) in [
            ("bytes=0-0", Ok(Some(0..1))),
            ("bytes=10-", Ok(Some(10..100))),
            ("bytes=10-19", Ok(Some(10..20))),
            ("bytes=10-500", Ok(Some(10..100))),
            ("bytes=-7", Ok(Some(93..100))),
            ("bytes=-700", Ok(Some(0..100))),
            ("Bytes=1-2", Ok(Some(1..3))),
            ("cells=1-2", Ok(None)),
            ("bytes=100-", Err(Unsatisfiable)),
            ("bytes=100-101", Err(Unsatisfiable)),
            ("bytes=20-10", Err(Unsatisfiable)),
            ("bytes=-0", Err(Unsatisfiable)),
            ("bytes=0-1,5-6", Err(Unsatisfiable)),
            ("bytes=+1-2", Err(Unsatisfiable)),
            ("bytes=-", Err(Unsatisfiable)),
            ("bytes", Err(Unsatisfiable)),
            ("bytes=99999999999999999999-", Err(Unsatisfiable)),
        ] {
            assert_eq!(parse(header.as_bytes(), 100), wanted, "{header}");
        }
        assert_eq!(parse(b"bytes=0-", 0), Err(Unsatisfiable));
    }
}
