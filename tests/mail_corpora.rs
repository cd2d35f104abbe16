//! Real-world mail through what leaves and what is filed: bodies byte for byte, every MIME part
//! as it was in the eyes of a parser that is not ours, and broken mail refused with a reason.
//! Only allowed fields leave, and what `show` prints is fit for a terminal.

#[path = "common/corpora.rs"]
mod corpora;

use mail_parser::{Message, MessageParser, MimeHeaders, PartType};
use poste::core::mail::fields::{self, MailError};
use poste::core::mail::outgoing::outgoing;
use poste::core::mail::{incoming, mime, render};

const ID: &str = "<0123456789abcdef0123456789abcdef@poste>";

#[test]
fn real_mail_arrives_as_it_was_sent() {
    let mut passed = 0;
    let mut refused = Vec::new();
    for (name, mail) in corpora::messages() {
        let sent = match outgoing(&mail, ID) {
            Ok(sent) => sent,
            Err(reason) => {
                refused.push(format!("{name}: {reason}"));
                continue;
            }
        };
        let filed = file(&sent).expect("what left can be filed");
        let before = fields::normalize(&mail);
        let before_parts = fields::split(&before).expect("what left can be taken apart");
        let filed_parts = fields::split(&filed).expect("what is filed can be taken apart");
        assert_eq!(filed_parts.body, before_parts.body, "{name}: the body");
        let entity = &before[before_parts.envelope.len()..];
        // Where a text without a header begins, parsers do not agree; its body is held to above.
        if before_parts.separator.is_some() {
            assert!(
                leaves(&filed) == leaves(entity),
                "{name}: parts, as a foreign parser has them"
            );
        }
        assert!(own(&filed) == own(entity), "{name}: parts, as shown");
        for field in &filed_parts.fields {
            assert!(
                KEPT.contains(&field.name.to_ascii_lowercase().as_str()),
                "{name}: {} left",
                field.name
            );
        }
        passed += 1;
    }
    println!("{passed} messages passed, {} refused:\n{}", refused.len(), refused.join("\n"));
    assert!(passed >= 200, "only {passed} messages passed");
}

#[test]
fn real_mail_is_shown_fit_for_a_terminal() {
    for (name, mail) in corpora::messages() {
        let shown = render::read(&mail, &|_| None).to_string();
        assert!(!shown.contains(|c: char| c.is_control() && c != '\n' && c != '\t'), "{name}");
        for number in 1..=mime::parts(&mail).len() {
            let (file, _) = render::part(&mail, number).expect("a part that is counted is there");
            let safe = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            assert!(file.chars().all(safe) && !file.starts_with(['.', '-']), "{name}: {file}");
        }
    }
}

/// Every field that a filed message of this test may have.
const KEPT: [&str; 14] = [
    "from",
    "subject",
    "message-id",
    "in-reply-to",
    "references",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "content-disposition",
    "content-description",
    "content-language",
    "content-location",
    "content-base",
    "content-md5",
];

/// The filed form, but for its MAC.
fn file(sent: &[u8]) -> Result<Vec<u8>, MailError> {
    let (header, body) = incoming::strip(sent, &incoming::removed_from_filed)?;
    Ok([b"From: a11ce@poste\n", &header[..], b"\n", body].concat())
}

/// Kind, name and bytes of every part.
type Leaves = Vec<(Option<String>, Option<String>, Vec<u8>)>;

fn leaves(mail: &[u8]) -> Leaves {
    let mut found = Vec::new();
    if let Some(message) = MessageParser::new().parse(mail) {
        collect(&message, &mut found);
    }
    found
}

fn collect(message: &Message<'_>, found: &mut Leaves) {
    for part in &message.parts {
        let bytes = match &part.body {
            PartType::Multipart(_) => Vec::new(),
            PartType::Message(inner) => {
                collect(inner, found);
                continue;
            }
            _ => part.contents().to_vec(),
        };
        let kind = part
            .content_type()
            .map(|kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()));
        found.push((kind, part.attachment_name().map(str::to_owned), bytes));
    }
}

fn own(mail: &[u8]) -> Vec<(String, String, Vec<u8>)> {
    mime::parts(mail)
        .iter()
        .map(|part| (part.kind.clone(), part.file_name(0), part.bytes().into_owned()))
        .collect()
}
