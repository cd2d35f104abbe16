//! Builds the mail of `poste send`: a text, and files beside it.
//!
//! The text stays 8-bit UTF-8 and is no multipart without attachments, so that a short letter is
//! one cell. Nothing comes from the machine: no date, no message id, no host name; the boundary
//! is drawn from the given randomness. What leaves is for [`super::outgoing`] to say.
//! Specified in poste(1), send.

use super::{expires, fields};
use crate::core::encode;
use crate::core::random::{self, Random};
use crate::core::time::Time;
use mail_builder::headers::{Header, content_type::ContentType, text::Text};
use mail_builder::mime::{BodyPart, MimePart};

/// What is written about.
#[derive(Clone, Debug, Default)]
pub struct Draft<'a> {
    /// Petnames, for the To of a letter to a group; may be empty.
    pub to: &'a [String],
    /// The subject; empty for none.
    pub subject: &'a str,
    /// Ids, with brackets, of what is answered: the thread from its first, the answered one last.
    pub thread: &'a [String],
    /// When it disappears, if it does.
    pub expires: Option<Time>,
    /// The text, in UTF-8 if it is a good one.
    pub text: &'a [u8],
    /// Files that go with it.
    pub files: &'a [Attached<'a>],
}

/// A file that goes with a text.
#[derive(Clone, Copy, Debug)]
pub struct Attached<'a> {
    /// Its name, without a path.
    pub name: &'a str,
    /// What is in it.
    pub bytes: &'a [u8],
}

/// The mail of a draft, LF.
pub fn compose(draft: &Draft<'_>, rng: &mut dyn Random) -> Vec<u8> {
    let mut out = Vec::new();
    if !draft.to.is_empty() {
        let to: Vec<String> =
            draft.to.iter().map(|name| format!("{name}@{}", super::recipients::DOMAIN)).collect();
        out.extend_from_slice(format!("To: {}\n", to.join(",\n ")).as_bytes());
    }
    if !draft.subject.is_empty() {
        out.extend_from_slice(b"Subject: ");
        Text::new(draft.subject).write_header(&mut out, "Subject: ".len());
    }
    if let Some(last) = draft.thread.last() {
        out.extend_from_slice(format!("References: {}\n", draft.thread.join("\n ")).as_bytes());
        out.extend_from_slice(format!("In-Reply-To: {last}\n").as_bytes());
    }
    if let Some(at) = draft.expires {
        out.extend_from_slice(expires::field(at).as_bytes());
    }
    if draft.files.is_empty() && draft.text.is_ascii() {
        out.push(b'\n');
        out.extend_from_slice(draft.text);
        return fields::normalize(&out).into_owned();
    }
    out.extend_from_slice(b"MIME-Version: 1.0\n");
    let mut part = text_part(draft.text);
    if !draft.files.is_empty() {
        let boundary = encode::hex(&random::bytes::<16>(rng));
        let kind = ContentType::new("multipart/mixed").attribute("boundary", boundary);
        let parts: Vec<_> =
            std::iter::once(part).chain(draft.files.iter().map(file_part)).collect();
        part = MimePart::new(kind, BodyPart::Multipart(parts));
    }
    part.write_part(&mut out);
    fields::normalize(&out).into_owned()
}

/// Naming the encoding keeps the library from choosing one, and from touching a byte.
fn text_part(text: &[u8]) -> MimePart<'_> {
    let (charset, encoding) = match std::str::from_utf8(text) {
        Ok(text) if text.is_ascii() => ("us-ascii", "7bit"),
        Ok(_) => ("utf-8", "8bit"),
        Err(_) => ("unknown-8bit", "8bit"),
    };
    MimePart::new(ContentType::new("text/plain").attribute("charset", charset), text)
        .transfer_encoding(encoding)
}

/// In base64 whatever it is: a file arrives byte for byte.
fn file_part<'a>(file: &Attached<'a>) -> MimePart<'a> {
    let encoded = data_encoding::BASE64_MIME.encode(file.bytes);
    MimePart::new(ContentType::new(kind_of(file.name)), encoded.into_bytes())
        .attachment(file.name)
        .transfer_encoding("base64")
}

/// The content type that a file's extension stands for.
fn kind_of(name: &str) -> &'static str {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension.to_ascii_lowercase().as_str() {
        "txt" | "text" | "log" => "text/plain",
        "md" => "text/markdown",
        "csv" => "text/csv",
        "html" | "htm" => "text/html",
        "ics" => "text/calendar",
        "vcf" => "text/vcard",
        "patch" | "diff" => "text/x-diff",
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "svg" => "image/svg+xml",
        "mp3" => "audio/mpeg",
        "ogg" | "oga" | "opus" => "audio/ogg",
        "flac" => "audio/flac",
        "wav" => "audio/x-wav",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "pdf" => "application/pdf",
        "json" => "application/json",
        "xml" => "application/xml",
        "zip" => "application/zip",
        "gz" | "tgz" => "application/gzip",
        "tar" => "application/x-tar",
        "odt" => "application/vnd.oasis.opendocument.text",
        "ods" => "application/vnd.oasis.opendocument.spreadsheet",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::random::fixed::Fixed;
    use mail_parser::{MessageParser, MimeHeaders};

    fn built(draft: Draft<'_>) -> String {
        String::from_utf8(compose(&draft, &mut Fixed::new(1))).unwrap()
    }

    #[test]
    fn a_plain_text_needs_no_mime() {
        let mail = built(Draft { subject: "tea", text: b"At four?\r\n", ..Draft::default() });
        assert_eq!(mail, "Subject: tea\n\nAt four?\n");
        assert_eq!(built(Draft::default()), "\n");
    }

    #[test]
    fn utf8_stays_small() {
        let text = "ä".repeat(850);
        let mail = built(Draft { text: text.as_bytes(), ..Draft::default() });
        assert_eq!(
            mail,
            format!(
                "MIME-Version: 1.0\nContent-Type: text/plain; charset=\"utf-8\"\n\
                 Content-Transfer-Encoding: 8bit\n\n{text}"
            )
        );
        let raw = compose(&Draft { text: b"\xe4\0", ..Draft::default() }, &mut Fixed::new(1));
        assert!(raw.ends_with(b"\n\n\xe4\0"));
    }

    #[test]
    fn files_arrive_byte_for_byte() {
        let noise: Vec<u8> = random::bytes::<3000>(&mut Fixed::new(2)).to_vec();
        let files = [
            Attached { name: "crlf.txt", bytes: b"a\r\nb\n\n \r" },
            Attached { name: "Grüße \"1\".JPG", bytes: &noise },
            Attached { name: "empty", bytes: b"" },
        ];
        let mail =
            built(Draft { subject: "Grüße", text: b"see\n", files: &files, ..Draft::default() });
        assert!(!mail.contains('\r'));
        assert!(!mail.contains("Date:") && !mail.contains("Message-ID"));
        let parsed = MessageParser::new().parse(mail.as_bytes()).unwrap();
        assert_eq!(parsed.subject(), Some("Grüße"));
        assert_eq!(parsed.body_text(0).unwrap(), "see\n");
        let got: Vec<_> = parsed
            .attachments()
            .map(|p| (p.attachment_name().unwrap().to_owned(), p.contents().to_vec()))
            .collect();
        let want: Vec<_> = files.iter().map(|f| (f.name.to_owned(), f.bytes.to_vec())).collect();
        assert_eq!(got, want);
        assert!(mail.contains("Content-Type: image/jpeg\n"));
    }

    #[test]
    fn a_subject_cannot_become_a_field() {
        let mail = built(Draft { subject: "a\r\nBcc: eve\n\nx", text: b"t", ..Draft::default() });
        let parts = fields::split(mail.as_bytes()).unwrap();
        assert_eq!(parts.fields.len(), 1, "{mail}");
        assert_eq!(parts.body, b"t");
    }

    #[test]
    fn a_reply_names_its_thread() {
        let to = ["bob".to_owned(), "carol".to_owned()];
        let thread = ["<a@poste>".to_owned(), "<b@poste>".to_owned()];
        let mail = built(Draft { to: &to, thread: &thread, ..Draft::default() });
        assert_eq!(
            mail,
            "To: bob@poste,\n carol@poste\nReferences: <a@poste>\n <b@poste>\n\
             In-Reply-To: <b@poste>\n\n"
        );
    }
}
