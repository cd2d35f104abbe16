//! The report that a letter was not delivered, as a mail to its own author: RFC 3464, in which
//! every mail program knows a bounce. It names no host, program or local time, threads with the
//! letter, and carries it, so that it can be sent again. The mail it quotes is one's own, yet it
//! cannot break out of its part: boundaries are random.
//! Specified in poste-protocol(7), Acknowledgement.

use super::expires;
use super::fields::{self, Field, Parts};
use crate::core::encode::hex;
use crate::core::filed;
use crate::core::keys::{Fingerprint, LetterId};
use crate::core::plan::GIVE_UP;
use crate::core::random::{Random, bytes};
use crate::core::time::{DAY, Time};

/// Of a longer mail only the header is quoted, in bytes.
const WHOLE: usize = 64 * 1024;

/// What is known of a letter that was given up.
#[derive(Clone, Copy, Debug)]
pub struct Failure<'a> {
    /// Its id.
    pub letter: LetterId,
    /// The author.
    pub from: Fingerprint,
    /// The addressee.
    pub to: Fingerprint,
    /// The addressee, as the author calls them.
    pub name: &'a str,
    /// When it was written.
    pub date: Time,
    /// When a node last took it, and how often one did.
    pub posted: Option<(Time, usize)>,
    /// The mail as it travelled, if it can still be read.
    pub mail: Option<&'a [u8]>,
}

impl Failure<'_> {
    /// The report as a mail, LF: what stands below From, To and Date in the filed form.
    pub fn report(&self, rng: &mut dyn Random) -> Vec<u8> {
        let message_id = format!("<{}@poste>", hex(&bytes::<16>(rng)));
        let boundary = hex(&bytes::<16>(rng));
        let parts = self.mail.and_then(|mail| fields::split(mail).ok());
        let text = self.text();
        let original = self.original(parts.as_ref());
        let eight_bit = !text.is_ascii() || !original.is_ascii();
        let encoding = if eight_bit { "Content-Transfer-Encoding: 8bit\n" } else { "" };

        let mut out = format!("Message-ID: {message_id}\n").into_bytes();
        self.write_thread(parts.as_ref(), &mut out);
        let head = format!(
            "Auto-Submitted: auto-generated\nMIME-Version: 1.0\n\
             Content-Type: multipart/report; report-type=delivery-status;\n boundary=\"{boundary}\"\n\
             {encoding}\n\
             --{boundary}\nContent-Type: text/plain; charset=utf-8\n{encoding}\n{text}\n\
             --{boundary}\nContent-Type: message/delivery-status\n\n{}\n",
            self.status()
        );
        out.extend_from_slice(head.as_bytes());
        if !original.is_empty() {
            let kind = if self.is_whole() { "message/rfc822" } else { "text/rfc822-headers" };
            let head = format!("--{boundary}\nContent-Type: {kind}\n{encoding}\n");
            out.extend_from_slice(head.as_bytes());
            out.extend_from_slice(&original);
            out.push(b'\n');
        }
        out.extend_from_slice(format!("--{boundary}--\n").as_bytes());
        out
    }

    /// Subject, In-Reply-To and References.
    fn write_thread(&self, parts: Option<&Parts<'_>>, out: &mut Vec<u8>) {
        let find = |name: &str| {
            parts.and_then(|p| p.fields.iter().find(|f| f.name.eq_ignore_ascii_case(name)))
        };
        let value = find("Subject").map_or(&b" a letter\n"[..], |field| field.value);
        let value = [b" Undelivered:", value].concat();
        fields::write(out, &Field { name: "Subject", value: &value, raw: &value });
        let ids = |field: Option<&Field<'_>>| {
            String::from_utf8(field.map(fields::unfold).unwrap_or_default()).unwrap_or_default()
        };
        let (before, own) = (ids(find("References")), ids(find("Message-ID")));
        if own.is_empty() {
            return;
        }
        let all: Vec<&str> = before.split_whitespace().chain([own.as_str()]).collect();
        let lines = format!("In-Reply-To: {own}\nReferences: {}\n", all.join("\n "));
        out.extend_from_slice(lines.as_bytes());
    }

    /// What a person reads.
    fn text(&self) -> String {
        let days = GIVE_UP / DAY;
        let how = match self.posted {
            None => "No node ever took it.".to_owned(),
            Some((last, 1)) => format!("A node took it once, on {}.", last.rfc5322()),
            Some((last, times)) => {
                format!("Nodes took it {times} times, the last on\n{}.", last.rfc5322())
            }
        };
        format!(
            "Your letter to {}, written on\n{},\nwas not acknowledged within {days} days. \
             It is not sent any more.\n\n{how}\n\n\
             It may still have been read: an acknowledgement can be lost as well.\n\
             To try again, send it anew.\n",
            self.name,
            self.date.rfc5322()
        )
    }

    /// The fields of message/delivery-status, a group for the letter and one for the addressee.
    fn status(&self) -> String {
        let last = self.posted.map_or_else(String::new, |(last, _)| {
            format!("Last-Attempt-Date: {}\n", last.rfc5322())
        });
        format!(
            "Reporting-MTA: x-local-hostname; poste\nOriginal-Envelope-Id: {}\n\
             Arrival-Date: {}\n\nFinal-Recipient: rfc822; {}\nAction: failed\nStatus: 5.4.7\n{last}",
            self.letter,
            self.date.rfc5322(),
            filed::address(&self.to),
        )
    }

    /// Whether the mail is quoted whole: not if it is long, nor if it was to disappear, which the
    /// report does not.
    fn is_whole(&self) -> bool {
        self.mail.is_some_and(|mail| mail.len() <= WHOLE && !expires::is_in(mail))
    }

    /// The letter's mail, or its header alone; nothing if it cannot be read.
    fn original(&self, parts: Option<&Parts<'_>>) -> Vec<u8> {
        let (Some(mail), Some(parts)) = (self.mail, parts) else { return Vec::new() };
        let quoted = match self.is_whole() {
            true => mail,
            false => &mail[..mail.len() - parts.body.len()],
        };
        let (from, to) = (filed::address(&self.from), filed::address(&self.to));
        let head = format!("From: {from}\nTo: {to}\nDate: {}\n", self.date.rfc5322());
        [head.as_bytes(), quoted].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::mail::mime;
    use crate::core::random::fixed::Fixed;
    use mail_parser::{MessageParser, MimeHeaders, PartType};

    fn failure<'a>(mail: Option<&'a [u8]>, posted: Option<(Time, usize)>) -> Failure<'a> {
        Failure {
            letter: LetterId::generate(&mut Fixed::new(7)),
            from: Fingerprint::from([0xaa; 32]),
            to: Fingerprint::from([0xbb; 32]),
            name: "bob",
            date: Time::from_unix(1_793_527_860),
            posted,
            mail,
        }
    }

    const MAIL: &[u8] = b"Message-ID: <b@poste>\nSubject: tea\nReferences: <a@poste>\n\nAt four?\n";

    #[test]
    fn the_report_is_these_bytes() {
        let last = Time::from_unix(1_795_356_000);
        let failure = failure(Some(MAIL), Some((last, 12)));
        let mut rng = Fixed::new(1);
        let (own, mark) = (hex(&bytes::<16>(&mut rng)), hex(&bytes::<16>(&mut rng)));
        let (from, to) = ("aa".repeat(32), "bb".repeat(32));
        let expected = format!(
            "Message-ID: <{own}@poste>\n\
             Subject: Undelivered: tea\n\
             In-Reply-To: <b@poste>\n\
             References: <a@poste>\n <b@poste>\n\
             Auto-Submitted: auto-generated\n\
             MIME-Version: 1.0\n\
             Content-Type: multipart/report; report-type=delivery-status;\n boundary=\"{mark}\"\n\
             \n\
             --{mark}\n\
             Content-Type: text/plain; charset=utf-8\n\
             \n\
             Your letter to bob, written on\n\
             Sun, 01 Nov 2026 10:11:00 +0000,\n\
             was not acknowledged within 30 days. It is not sent any more.\n\
             \n\
             Nodes took it 12 times, the last on\n\
             Sun, 22 Nov 2026 14:00:00 +0000.\n\
             \n\
             It may still have been read: an acknowledgement can be lost as well.\n\
             To try again, send it anew.\n\
             \n\
             --{mark}\n\
             Content-Type: message/delivery-status\n\
             \n\
             Reporting-MTA: x-local-hostname; poste\n\
             Original-Envelope-Id: {}\n\
             Arrival-Date: Sun, 01 Nov 2026 10:11:00 +0000\n\
             \n\
             Final-Recipient: rfc822; {to}@poste\n\
             Action: failed\n\
             Status: 5.4.7\n\
             Last-Attempt-Date: Sun, 22 Nov 2026 14:00:00 +0000\n\
             \n\
             --{mark}\n\
             Content-Type: message/rfc822\n\
             \n\
             From: {from}@poste\n\
             To: {to}@poste\n\
             Date: Sun, 01 Nov 2026 10:11:00 +0000\n\
             Message-ID: <b@poste>\nSubject: tea\nReferences: <a@poste>\n\nAt four?\n\
             \n\
             --{mark}--\n",
            failure.letter
        );
        let report = failure.report(&mut Fixed::new(1));
        assert_eq!(String::from_utf8(report).unwrap(), expected);
    }

    #[test]
    fn mail_programs_find_the_three_parts() {
        let boundary =
            b"Subject: =?utf-8?q?T=C3=A9?=\n more\n\n--x\nGr\xc3\xbc\xc3\x9fe\xff\n--x--\n";
        let report = failure(Some(boundary), None).report(&mut Fixed::new(2));
        let parsed = MessageParser::new().parse(&report).unwrap();
        let kind = parsed.content_type().unwrap();
        assert_eq!((kind.ctype(), kind.subtype()), ("multipart", Some("report")));
        assert_eq!(kind.attribute("report-type"), Some("delivery-status"));
        assert_eq!(parsed.subject(), Some("Undelivered: Té more"));
        let PartType::Multipart(parts) = &parsed.parts[0].body else { panic!("{parsed:?}") };
        assert_eq!(parts.len(), 3);
        assert!(parsed.body_text(0).unwrap().contains("No node ever took it."));
        assert!(report.windows(boundary.len()).any(|bytes| bytes == boundary));
        assert!(mime::parts(&report).len() >= 3);
    }

    #[test]
    fn of_mail_that_was_to_disappear_only_the_header_stays() {
        let mail = [b"Expires: Sun, 22 Nov 2026 14:00:00 +0000\n", MAIL].concat();
        let report =
            String::from_utf8(failure(Some(&mail), None).report(&mut Fixed::new(3))).unwrap();
        assert!(report.contains("text/rfc822-headers") && report.contains("Subject: tea\n"));
        assert!(!report.contains("At four?"), "{report}");
    }

    #[test]
    fn long_mail_is_quoted_by_its_header_and_lost_mail_not_at_all() {
        let long = [MAIL, &vec![b'x'; WHOLE][..]].concat();
        let report =
            String::from_utf8(failure(Some(&long), None).report(&mut Fixed::new(3))).unwrap();
        assert!(report.contains("text/rfc822-headers") && report.contains("Subject: tea\n"));
        assert!(report.len() < 3000);
        let report = String::from_utf8(failure(None, None).report(&mut Fixed::new(3))).unwrap();
        assert!(report.contains("Subject: Undelivered: a letter\n"), "{report}");
        assert!(!report.contains("rfc822-headers") && !report.contains("References"));
    }
}
