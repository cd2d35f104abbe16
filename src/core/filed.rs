//! The filed form: a message as it lies in the tree, authenticated anew by whoever holds it. The
//! proof of arrival is not kept; receiving, sending, forging, editing and importing write this
//! form through the one function [`write`]. Specified in poste-protocol(7), Filed form.

use crate::core::auth::MacKey;
use crate::core::encode::{base64, unbase64};
use crate::core::keys::{Fingerprint, GroupId, LetterId};
use crate::core::mail::fields::MailError;
use crate::core::mail::incoming;
use crate::core::time::{Day, Time};
use std::fmt::Write;

const UNPROVEN: &str = "unproven:";
/// The last word of a group's line if the copies differ.
const DIFFERS: &str = "differs";
/// Addressees that stand in one line; more stand in a line each, as a line must not be too long.
const IN_ONE_LINE: usize = 8;

/// What stands before the mail's own headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The letter's id.
    pub id: LetterId,
    /// The day by whose key it is authenticated.
    pub day: Day,
    /// The author.
    pub from: Fingerprint,
    /// The addressee; for a group its members but the author.
    pub to: Vec<Fingerprint>,
    /// When it was written; filed to the minute.
    pub date: Time,
    /// What is known of the group, if it is a group's.
    pub group: Option<OfGroup>,
}

/// Which group a message belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfGroup {
    /// Its id.
    pub id: GroupId,
    /// The version of the author's register that the letter named.
    pub version: u64,
    /// Whether the author's text or list of members was not the one that its reader had.
    pub differs: bool,
}

/// A filed message taken apart.
#[derive(Debug)]
pub struct Filed<'a> {
    /// What stands before the mail's own headers.
    pub head: Head,
    mark: Mark<'a>,
    rest: &'a [u8],
}

/// The last word of the first line.
#[derive(Debug, PartialEq, Eq)]
enum Mark<'a> {
    Mac([u8; 32]),
    Unproven(&'a str),
}

/// The bytes are not a message in filed form: they are mail of another origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a message in filed form")]
pub struct NotFiled;

/// The message as it is filed. `mail` is what travelled or was written; of its header From, To,
/// Cc, Date and whatever else a correspondent must not set are dropped.
///
/// # Errors
/// A header over the limits of mail.
pub fn write(head: &Head, mail: &[u8], key: &MacKey) -> Result<Vec<u8>, MailError> {
    // In one piece, as the mail may be large: the MAC takes the place kept for it.
    let place = "A".repeat(base64(&[0; 32]).len());
    let (mut message, rest) = with_mark(head, &place, mail)?;
    let mac = base64(&key.filed(&head.id, &message[rest..]));
    message[rest - 1 - mac.len()..rest - 1].copy_from_slice(mac.as_bytes());
    Ok(message)
}

/// An unproven letter as it lies in quarantine: the same form, but for a reason in place of the
/// MAC. `why` is one word.
///
/// # Errors
/// A header over the limits of mail.
pub fn write_unproven(head: &Head, mail: &[u8], why: &str) -> Result<Vec<u8>, MailError> {
    Ok(with_mark(head, &format!("{UNPROVEN}{why}"), mail)?.0)
}

/// The message with this mark, and where the part after its first line begins.
fn with_mark(head: &Head, mark: &str, mail: &[u8]) -> Result<(Vec<u8>, usize), MailError> {
    let (fields, body) = incoming::strip(mail, &incoming::removed_from_filed)?;
    let to: Vec<String> = head.to.iter().map(address).collect();
    let between = if to.len() > IN_ONE_LINE { ",\n " } else { ", " };
    let first = format!("X-Poste: 1 {} {} {mark}\n", head.id, head.day);
    let mut rest = format!(
        "From: {}\nTo: {}\nDate: {}\n",
        address(&head.from),
        to.join(between),
        head.date.minute().rfc5322()
    );
    if let Some(OfGroup { id, version, differs }) = &head.group {
        let differs = if *differs { format!(" {DIFFERS}") } else { String::new() };
        let _ = writeln!(rest, "X-Poste-Group: {id} {version}{differs}");
    }
    let message = [first.as_bytes(), rest.as_bytes(), &fields, b"\n", body].concat();
    Ok((message, first.len()))
}

/// `<fingerprint>@poste`: how people are written in messages.
pub fn address(fingerprint: &Fingerprint) -> String {
    format!("{fingerprint}@poste")
}

impl<'a> Filed<'a> {
    /// Takes a message in filed form apart.
    pub fn read(bytes: &'a [u8]) -> Result<Filed<'a>, NotFiled> {
        Filed::parse(bytes).ok_or(NotFiled)
    }

    fn parse(bytes: &'a [u8]) -> Option<Filed<'a>> {
        let (first, rest) = line(bytes)?;
        let mut words = first.strip_prefix("X-Poste: 1 ")?.split(' ');
        let id = words.next()?.parse().ok()?;
        let day = words.next()?.parse().ok()?;
        let mark = words.next()?;
        let mark = match mark.strip_prefix(UNPROVEN) {
            Some(why) => Mark::Unproven(why),
            None => Mark::Mac(unbase64(mark).ok()?),
        };
        if words.next().is_some() {
            return None;
        }
        let (from, more) = line(rest)?;
        let (to, mut more) = line(more)?;
        let mut to = people(to.strip_prefix("To: ")?)?;
        while more.starts_with(b" ") {
            let (next, rest) = line(more)?;
            to.extend(people(next.strip_prefix(' ')?)?);
            more = rest;
        }
        let (date, more) = line(more)?;
        let group = line(more).and_then(|(text, _)| group(text));
        let head = Head {
            id,
            day,
            from: person(from.strip_prefix("From: ")?)?,
            to,
            date: Time::parse_rfc5322(date.strip_prefix("Date: ")?)?,
            group,
        };
        Some(Filed { head, mark, rest })
    }

    /// Whether the MAC holds under `key`: what `verify` checks, and nothing else.
    pub fn holds(&self, key: &MacKey) -> bool {
        match &self.mark {
            Mark::Mac(mac) => key.filed_holds(&self.head.id, self.rest, mac),
            Mark::Unproven(_) => false,
        }
    }

    /// Why the letter is unproven, if it lies in quarantine.
    pub fn unproven(&self) -> Option<&'a str> {
        match self.mark {
            Mark::Mac(_) => None,
            Mark::Unproven(why) => Some(why),
        }
    }

    /// The message after its first line: From, To, Date, the mail's own headers and the body.
    pub fn message(&self) -> &'a [u8] {
        self.rest
    }
}

fn line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().position(|b| *b == b'\n')?;
    Some((std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 1..]))
}

fn person(text: &str) -> Option<Fingerprint> {
    text.strip_suffix("@poste")?.parse().ok()
}

/// The people in one line of To; a line that goes on ends with a comma.
fn people(text: &str) -> Option<Vec<Fingerprint>> {
    text.strip_suffix(',').unwrap_or(text).split(", ").map(person).collect()
}

fn group(text: &str) -> Option<OfGroup> {
    let mut words = text.strip_prefix("X-Poste-Group: ")?.split(' ');
    let (id, version) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let differs = match words.next() {
        None => false,
        Some(DIFFERS) => true,
        Some(_) => return None,
    };
    words.next().is_none().then_some(OfGroup { id, version, differs })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::auth::Terms;
    use crate::core::keys::{DhSecret, SignSecret};
    use crate::core::random::fixed::Fixed;

    fn parts() -> (Head, Terms, DhSecret, DhSecret) {
        let mut rng = Fixed::new(1);
        let (day_key, reader_dh) = (DhSecret::generate(&mut rng), DhSecret::generate(&mut rng));
        let (author, reader) =
            (SignSecret::generate(&mut rng).public(), SignSecret::generate(&mut rng).public());
        let date = Time::from_unix(1_793_527_872);
        let head = Head {
            id: LetterId::generate(&mut rng),
            day: date.day(),
            from: author.fingerprint(),
            to: vec![reader.fingerprint()],
            date,
            group: None,
        };
        let terms = Terms {
            author,
            day_key: day_key.public(),
            day: date.day(),
            reader,
            reader_dh: reader_dh.public(),
        };
        (head, terms, day_key, reader_dh)
    }

    #[test]
    fn reader_and_author_file_the_same_bytes() {
        let (head, terms, day_key, reader_dh) = parts();
        let mail = b"From: carol@poste\nSubject: lunch\nX-Poste: 1 a b c\n\nbody\n";
        let reader = MacKey::by_reader(&terms, &reader_dh).unwrap();
        let author = MacKey::by_day_key(&terms, &day_key).unwrap();
        let filed = write(&head, mail, &reader).unwrap();
        assert_eq!(filed, write(&head, mail, &author).unwrap());
        let text = String::from_utf8(filed.clone()).unwrap();
        let expected = format!(
            "From: {}@poste\nTo: {}@poste\nDate: Sun, 01 Nov 2026 10:11:00 +0000\n\
             Subject: lunch\n\nbody\n",
            head.from, head.to[0]
        );
        assert_eq!(text.split_once('\n').unwrap().1, expected);
        let read = Filed::read(&filed).unwrap();
        assert!(read.holds(&author) && read.holds(&reader));
        assert_eq!(read.head, Head { date: head.date.minute(), ..head });
        assert_eq!(read.message(), expected.as_bytes());
    }

    #[test]
    fn a_changed_message_does_not_hold() {
        let (head, terms, day_key, _) = parts();
        let key = MacKey::by_day_key(&terms, &day_key).unwrap();
        let filed = write(&head, b"Subject: lunch\n\nbody\n", &key).unwrap();
        // The day is no part of what the MAC covers: it chooses the key.
        let holds = |bytes: &[u8]| {
            Filed::read(bytes).is_ok_and(|filed| {
                let terms = Terms { day: filed.head.day, ..terms };
                filed.holds(&MacKey::by_day_key(&terms, &day_key).unwrap())
            })
        };
        assert!(holds(&filed));
        for at in 0..filed.len() {
            let mut bad = filed.clone();
            bad[at] ^= 1;
            assert!(!holds(&bad), "byte {at}");
        }
        assert!((0..filed.len()).all(|end| !holds(&filed[..end])));
    }

    #[test]
    fn a_group_message_names_its_group_and_an_empty_mail_has_its_empty_line() {
        let (head, terms, day_key, _) = parts();
        let id = GroupId::generate(&mut Fixed::new(9));
        let group = Some(OfGroup { id, version: 3, differs: false });
        let head = Head { group, to: vec![head.to[0], head.from], ..head };
        let key = MacKey::by_day_key(&terms, &day_key).unwrap();
        let filed = write(&head, b"", &key).unwrap();
        assert!(filed.ends_with(b" 3\n\n"));
        let read = Filed::read(&filed).unwrap();
        assert_eq!((read.head.group, read.head.to.len()), (group, 2));
        let group = Some(OfGroup { id, version: 3, differs: true });
        let many = Head { group, to: vec![head.from; 64], ..head };
        let filed = write(&many, b"", &key).unwrap();
        assert!(filed.ends_with(b" 3 differs\n\n"));
        assert!(filed.split(|b| *b == b'\n').all(|line| line.len() < 998));
        let read = Filed::read(&filed).unwrap();
        assert_eq!((read.head.group, &read.head.to), (group, &many.to));
        assert!(read.holds(&key));
    }
}
