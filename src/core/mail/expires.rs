//! Mail that is to disappear: the header field `Expires` (RFC 4021) says when. It travels with the
//! mail and is filed with it, so it is authenticated, exported and forged like any other text. To
//! honour it is a courtesy of whoever holds a message. Nothing else marks a mail so.
//! Specified in poste-protocol(7), Letter, and poste(1), send.

use super::fields::{self, Field};
use super::mime::text_of;
use crate::core::filed::Filed;
use crate::core::time::{HOUR, Time};

/// Seconds that a mail lasts at least: buckets are hourly, so anything shorter would be gone before
/// it was read.
pub const LEAST: u64 = HOUR;

/// The name of the field.
pub const FIELD: &str = "Expires";

/// When a filed message disappears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// Not before this moment, which the message names.
    pub expires: Time,
    /// Seconds from its Date to then, at least [`LEAST`]: whoever gets it late has it as long.
    pub lasts: u64,
}

/// The field, with its line end, that has a mail disappear at `at`.
pub fn field(at: Time) -> String {
    format!("{FIELD}: {}\n", at.minute().rfc5322())
}

/// What the first such field among these says; `None` without one that is a date.
pub fn of(fields: &[Field<'_>]) -> Option<Time> {
    Time::parse_rfc5322(&text_of(fields, FIELD)?)
}

/// Whether a mail has such a field.
pub fn is_in(mail: &[u8]) -> bool {
    let is_one = |field: &Field<'_>| field.name.eq_ignore_ascii_case(FIELD);
    fields::split(mail).is_ok_and(|parts| parts.fields.iter().any(is_one))
}

/// When a message in filed form disappears; `None` for one that is not so marked, and for unproven
/// ones, from which nothing is taken.
pub fn lifetime(filed: &[u8]) -> Option<Lifetime> {
    let filed = Filed::read(filed).ok().filter(|filed| filed.unproven().is_none())?;
    let expires = of(&fields::split(filed.message()).ok()?.fields)?;
    Some(Lifetime { expires, lasts: expires.since(filed.head.date).max(LEAST) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filed(more: &str) -> Vec<u8> {
        let who = "4b".repeat(32);
        let mac = "A".repeat(43);
        let id = "7a".repeat(16);
        format!(
            "X-Poste: 1 {id} 2026-11-01 {mac}\nFrom: {who}@poste\nTo: {who}@poste\n\
             Date: Sun, 01 Nov 2026 10:11:00 +0000\n{more}\nbody\nExpires: never\n"
        )
        .into_bytes()
    }

    #[test]
    fn only_a_field_that_is_a_date_marks_a_message() {
        let date = Time::parse_rfc5322("Sun, 01 Nov 2026 10:11:00 +0000").unwrap();
        let of = |more: &str| lifetime(&filed(more));
        assert_eq!(of("Subject: x\n"), None);
        assert_eq!(of("Expires: soon\n"), None);
        assert_eq!(of("X-Expires: Sun, 08 Nov 2026 10:11:00 +0000\n"), None);
        let week = Lifetime { expires: date + 7 * 86_400, lasts: 7 * 86_400 };
        assert_eq!(of("expires: Sun, 08 Nov 2026 11:11:00 +0100\n"), Some(week));
        assert_eq!(of(&format!("Subject: x\n{}", field(date + 7 * 86_400 + 59))), Some(week));
        let past = of("Expires: Sun, 01 Nov 2020 10:11:00 +0000\n").unwrap();
        assert_eq!(past.lasts, LEAST, "a date of long ago takes nothing away unread");
        assert!(is_in(b"EXPIRES : x\n\n") && !is_in(b"Subject: x\n\nExpires: x\n"));
    }

    #[test]
    fn what_is_unproven_is_not_marked() {
        let marked = filed("Expires: Sun, 08 Nov 2026 10:11:00 +0000\n");
        let text = String::from_utf8(marked).unwrap().replace(&"A".repeat(43), "unproven:late");
        assert_eq!(lifetime(text.as_bytes()), None);
    }
}
