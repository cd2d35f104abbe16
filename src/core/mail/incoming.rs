//! What the receiver takes from a mail: everything but the fields that only it may write.
//!
//! A correspondent can put anything into the mail it seals. Fields by which a mail program would
//! show another sender, or a verdict that this program gives, are removed before the filed form is
//! written; the rest is rewritten so that no reader finds fields in it that are not there.
//! Specified in poste-protocol(7), Letter and Filed form.

use super::fields::{self, MailError};

/// Removed from every mail received.
const NEVER: [&str; 6] =
    ["From", "Sender", "Return-Path", "Received", "Authentication-Results", "Status"];
/// Removed besides when the mail is filed: the filed form has its own.
const FILED: [&str; 3] = ["To", "Cc", "Date"];

/// Whether the receiver removes the field `name`.
pub fn removed(name: &str) -> bool {
    any_of(&NEVER, name) || starts(name, "X-Poste")
}

/// Whether the filed form drops the field `name` of the mail, having one of its own or none.
pub fn removed_from_filed(name: &str) -> bool {
    removed(name) || any_of(&FILED, name)
}

/// The header of `mail` without the fields that `drop` names, each ending in LF and without the
/// empty line, and the body as it is.
///
/// # Errors
/// A header over the limits of [`fields::split`]. Anything else has a meaning.
pub fn strip<'a>(
    mail: &'a [u8],
    drop: &dyn Fn(&str) -> bool,
) -> Result<(Vec<u8>, &'a [u8]), MailError> {
    let parts = fields::split(mail)?;
    let mut header = Vec::new();
    for field in parts.fields.iter().filter(|f| !drop(f.name)) {
        fields::write(&mut header, field);
    }
    Ok((header, parts.body))
}

fn any_of(list: &[&str], name: &str) -> bool {
    list.iter().any(|entry| entry.eq_ignore_ascii_case(name))
}

fn starts(name: &str, with: &str) -> bool {
    name.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spoofed_fields_are_removed() {
        let mail = b"from: carol@poste\nSENDER : carol\nX-poste: 1 a b c\nX-Poste-Group\t: x\n\
            Return-Path:<a>\nReceived: x\n\tby y\nAuthentication-Results: pass\nstatus: RO\n\
            Subject: hi\n there\nTo: bob\nDate: x\n\nFrom: body\n";
        let (header, body) = strip(mail, &removed).unwrap();
        assert_eq!(header, b"Subject: hi\n there\nTo: bob\nDate: x\n");
        assert_eq!(body, b"From: body\n");
        let (header, _) = strip(mail, &removed_from_filed).unwrap();
        assert_eq!(header, b"Subject: hi\n there\n");
    }

    #[test]
    fn no_line_end_hides_a_field() {
        for mail in [
            &b"Subject: a\rFrom: carol\n\nx"[..],
            b"Subject: a\r\nFrom: carol\r\n\r\nx",
            b"Subject: a\0\nFrom: carol\n\nx",
            "Subject: a\u{2028}From: carol\n\nx".as_bytes(),
            b"Subject: a\n \nFrom: carol\n\nx",
            b"From carol\nSubject: a\nFrom : carol\n\nx",
        ] {
            let (header, body) = strip(mail, &removed).unwrap();
            let text = String::from_utf8(header).unwrap();
            assert!(text.lines().all(|l| l.starts_with("Subject: a")), "{text:?}");
            assert!(!text.contains('\r') && text.ends_with('\n'));
            assert_eq!(body, b"x");
        }
    }

    #[test]
    fn a_mail_without_a_header_is_all_body() {
        let (header, body) = strip(b"", &removed).unwrap();
        assert!(header.is_empty() && body.is_empty());
        let (header, body) = strip(b"\nX-Poste: 1\n", &removed).unwrap();
        assert_eq!((header, body), (vec![], &b"X-Poste: 1\n"[..]));
    }
}
