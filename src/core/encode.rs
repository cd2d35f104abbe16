//! Hex and base64 as the protocol writes them: lower-case hex, and base64 of RFC 4648 section 4
//! without padding, canonical forms only. Whatever else a peer writes is refused.
//! Format: poste-protocol(7), Notation.

use data_encoding::{BASE64_NOPAD, HEXLOWER};

/// The text is not the canonical encoding of bytes of the expected length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not {what} of {expected} bytes in canonical form")]
pub struct BadText {
    /// `hex` or `base64`.
    pub what: &'static str,
    /// Length that the decoded value must have, in bytes.
    pub expected: usize,
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// `N` bytes from exactly `2 * N` lower-case hex digits.
pub fn unhex<const N: usize>(text: &str) -> Result<[u8; N], BadText> {
    let bad = BadText { what: "hex", expected: N };
    if text.len() != 2 * N {
        return Err(bad);
    }
    let mut out = [0; N];
    HEXLOWER.decode_mut(text.as_bytes(), &mut out).map_err(|_| bad)?;
    Ok(out)
}

/// Unpadded base64.
pub fn base64(bytes: &[u8]) -> String {
    BASE64_NOPAD.encode(bytes)
}

/// `N` bytes from canonical unpadded base64.
pub fn unbase64<const N: usize>(text: &str) -> Result<[u8; N], BadText> {
    let bad = BadText { what: "base64", expected: N };
    if text.len() != BASE64_NOPAD.encode_len(N) {
        return Err(bad);
    }
    let mut out = [0; N];
    BASE64_NOPAD.decode_mut(text.as_bytes(), &mut out).map_err(|_| bad)?;
    Ok(out)
}

/// At most `limit` bytes of any length from canonical unpadded base64.
pub fn unbase64_vec(text: &str, limit: usize) -> Result<Vec<u8>, BadText> {
    let bad = BadText { what: "base64", expected: limit };
    if text.len() > BASE64_NOPAD.encode_len(limit) {
        return Err(bad);
    }
    BASE64_NOPAD.decode(text.as_bytes()).map_err(|_| bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_lower_case_and_exact() {
        assert_eq!(unhex::<2>("4bff"), Ok([0x4b, 0xff]));
        assert!(unhex::<2>("4BFF").is_err());
        assert!(unhex::<2>("4bf").is_err());
        assert!(unhex::<2>("4bff0").is_err());
    }

    #[test]
    fn base64_is_canonical() {
        assert_eq!(unbase64::<1>("AA"), Ok([0]));
        assert!(unbase64::<1>("AB").is_err(), "trailing bits");
        assert!(unbase64::<1>("AA==").is_err(), "padding");
        assert!(unbase64::<3>("____").is_err(), "url alphabet");
        assert!(unbase64_vec("AAAA", 2).is_err(), "over the limit");
    }
}
