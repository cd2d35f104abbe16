//! What leaves of a mail: an allow-list of header fields, and the body untouched.
//!
//! A mail program's host name, time zone, user agent and login name do not leave; what is not
//! named here is dropped. The Message-ID is ours. Of the ids a reply refers to only those of our
//! own form go, and of those the few that threading needs. Dates travel in the letter, not in its
//! mail. Specified in poste-protocol(7), Letter.

use super::expires;
use super::fields::{self, Field, MailError};

/// Fields that leave as they are, beside those treated in [`outgoing`].
const KEPT: [&str; 12] = [
    "Subject",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-Disposition",
    "Content-Description",
    "Content-Language",
    "Content-Location",
    "Content-Base",
    "Content-MD5",
    "Content-Duration",
    "Content-Features",
];
/// Fields by which a text is known to be a mail although nothing of them leaves.
const KNOWN: [&str; 9] =
    ["From", "To", "Cc", "Bcc", "Date", "Message-ID", "In-Reply-To", "References", "Received"];
/// Ids kept of References: the thread's first and its last ones.
const REFERENCES: usize = 3;

/// The mail that leaves, for one person or a group, LF, its header always closed by an empty line;
/// neither To nor Cc leaves. `message_id` is written with its angle brackets, `<…@poste>`.
///
/// # Errors
/// A header that is too long or not cleanly closed, or an Expires that is no date.
pub fn outgoing(mail: &[u8], message_id: &str) -> Result<Vec<u8>, MailError> {
    let mail = fields::normalize(mail);
    let parts = fields::split(&mail)?;
    if parts.separator.is_none() && !parts.fields.is_empty() {
        if !parts.body.is_empty() {
            return Err(MailError::NoSeparator(parts.lines + 1));
        }
        if !parts.fields.iter().any(|f| is_one(&KEPT, f) || is_one(&KNOWN, f)) {
            return Err(MailError::NoText);
        }
    }
    let mut out = Vec::with_capacity(mail.len());
    out.extend_from_slice(format!("Message-ID: {message_id}\n").as_bytes());
    for field in &parts.fields {
        if is_one(&KEPT, field) {
            fields::write(&mut out, field);
        } else if is_one(&["In-Reply-To", "References"], field) {
            write_ids(&mut out, field);
        } else if is_one(&[expires::FIELD], field) {
            let at = expires::of(&[*field]).ok_or(MailError::Expires)?;
            out.extend_from_slice(expires::field(at).as_bytes());
        }
    }
    out.push(b'\n');
    out.extend_from_slice(parts.body);
    Ok(out)
}

fn is_one(list: &[&str], field: &Field<'_>) -> bool {
    list.iter().any(|name| name.eq_ignore_ascii_case(field.name))
}

/// The field with those of its ids that are of our form, if any. Others would tell a host name,
/// and the reader does not hold what they name.
fn write_ids(out: &mut Vec<u8>, field: &Field<'_>) {
    let value = fields::unfold(field);
    let ids: Vec<&str> = std::str::from_utf8(&value)
        .unwrap_or_default()
        .split_inclusive('>')
        .filter_map(|piece| piece.rfind('<').map(|at| &piece[at..]))
        .filter(|id| id.ends_with("@poste>") && id.len() <= 100)
        .filter(|id| id.bytes().all(|b| b.is_ascii_graphic()))
        .collect();
    let ids = match ids.as_slice() {
        [] => return,
        [first, .., before, last] if ids.len() > REFERENCES => vec![*first, *before, *last],
        all => all.to_vec(),
    };
    let name =
        if field.name.eq_ignore_ascii_case("References") { "References" } else { "In-Reply-To" };
    out.extend_from_slice(format!("{name}: {}\n", ids.join("\n ")).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "<0123456789abcdef0123456789abcdef@poste>";

    fn one(mail: &[u8]) -> Result<String, MailError> {
        outgoing(mail, ID).map(|out| String::from_utf8(out).unwrap())
    }

    /// The header that mutt writes, with all that it tells.
    const MUTT: &str = "Date: Sun, 22 Nov 2026 16:11:09 +0100\nFrom: Alice Archer <alice@poste>\n\
        To: bob@poste\nCc: carol@poste\nBcc: dave@poste\nSubject: Re: tea\nMessage-ID: <Zab12@laptop>\n\
        References: <1@laptop>\n <a@poste>\nMIME-Version: 1.0\n\
        Content-Type: text/plain; charset=us-ascii\nContent-Disposition: inline\n\
        In-Reply-To: <a@poste>\nUser-Agent: Mutt/2.2.12\nX-Mailer: y\nReturn-Path: <alice@laptop>\n\
        Content-Length: 9\nLines: 1\nOrganization: home\nAutocrypt: addr=alice\n\nAt four?\n";

    #[test]
    fn only_the_allow_list_leaves() {
        assert_eq!(
            one(MUTT.as_bytes()).unwrap(),
            format!(
                "Message-ID: {ID}\nSubject: Re: tea\nReferences: <a@poste>\nMIME-Version: 1.0\n\
                 Content-Type: text/plain; charset=us-ascii\nContent-Disposition: inline\n\
                 In-Reply-To: <a@poste>\n\nAt four?\n"
            )
        );
    }

    #[test]
    fn a_header_not_closed_is_refused() {
        assert_eq!(
            one(b"Subject: x\nX Mailer: y\nFrom: z\n\n"),
            Err(MailError::NoSeparator(2)),
            "what follows may be fields that must not leave"
        );
        assert_eq!(one(b"note: buy milk\n"), Err(MailError::NoText));
        assert_eq!(one(b"Subject: x").unwrap(), format!("Message-ID: {ID}\nSubject: x\n\n"));
        assert_eq!(one(b"only text\n").unwrap(), format!("Message-ID: {ID}\n\nonly text\n"));
        assert_eq!(one(b"").unwrap(), format!("Message-ID: {ID}\n\n"));
    }

    #[test]
    fn when_a_mail_disappears_leaves_in_one_form() {
        let out = one(b"EXPIRES : Sun, 8 Nov 2026 11:11:42 +0100\nSubject: x\n\nhello\n").unwrap();
        let field = "Expires: Sun, 08 Nov 2026 10:11:00 +0000\n";
        assert_eq!(out, format!("Message-ID: {ID}\n{field}Subject: x\n\nhello\n"));
        assert_eq!(one(b"Expires: in a week\n\nhello\n"), Err(MailError::Expires));
    }

    #[test]
    fn the_body_is_not_touched_but_for_crlf() {
        let out = outgoing(b"Subject: x\r\n\r\n\xff\0a\r\nFrom b\r\n.\rc", ID).unwrap();
        assert!(out.ends_with(b"Subject: x\n\n\xff\0a\nFrom b\n.\rc"));
    }

    #[test]
    fn foreign_ids_stay_at_home_and_long_threads_are_short() {
        let out = one(b"References: <a@poste> <b@host> junk<c@poste> <d@poste>\n <e@poste>\n\
            In-Reply-To: <x@host>\n\n")
        .unwrap();
        assert_eq!(
            out,
            format!("Message-ID: {ID}\nReferences: <a@poste>\n <d@poste>\n <e@poste>\n\n")
        );
    }
}
