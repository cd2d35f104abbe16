//! The parts of a message, each with its bytes decoded: a reader that hostile mail cannot exhaust.
//!
//! The walk over multiparts is our own, so that its depth, the number of parts and the work are
//! bounded by construction; the library reads single fields and decodes. A message within the
//! message is one part and is not entered. Broken encodings are shown as they are.
//! Specified in poste-show(1).

use super::fields;
use mail_parser::decoders::{
    base64::base64_decode, charsets::map::charset_decoder,
    quoted_printable::quoted_printable_decode,
};
use mail_parser::{ContentType, HeaderValue, parsers::MessageStream};
use std::borrow::Cow;

/// Multiparts within multiparts that are entered; what lies deeper is one part.
pub const MAX_DEPTH: usize = 16;
/// Parts that are told apart; the rest of a message is its last part.
pub const MAX_PARTS: usize = 500;
/// Most bytes of one field that is interpreted.
const MAX_FIELD: usize = 8 * 1024;
/// The longest name of a file that a part may suggest, in bytes.
const MAX_NAME: usize = 100;

/// A part that holds no other parts.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// `text/plain`, in lower case.
    pub kind: String,
    /// Whether it lies beside a better form of the same text.
    pub alternative: bool,
    /// Whether its sender asks for it to be kept apart from the text.
    pub attachment: bool,
    charset: Option<String>,
    name: Option<String>,
    encoding: String,
    raw: &'a [u8],
}

impl Part<'_> {
    /// What is in it, its transfer encoding undone.
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        let decoded = match self.encoding.as_str() {
            "base64" => base64_decode(self.raw),
            "quoted-printable" => quoted_printable_decode(self.raw),
            _ => None,
        };
        decoded.map_or(Cow::Borrowed(self.raw), Cow::Owned)
    }

    /// What is in it as text, from whatever charset it says it is in. Not yet fit for a terminal.
    pub fn text(&self) -> String {
        let bytes = self.bytes();
        let charset = self.charset.as_deref().unwrap_or("us-ascii").to_ascii_lowercase();
        match std::str::from_utf8(&bytes) {
            Ok(text) if matches!(&*charset, "us-ascii" | "utf-8" | "utf8") => text.to_owned(),
            _ => charset_decoder(charset.as_bytes())
                .or_else(|| charset_decoder(b"windows-1252"))
                .map_or_else(|| String::from_utf8_lossy(&bytes).into_owned(), |read| read(&bytes)),
        }
    }

    /// A name for a file, safe in every directory and terminal: `[A-Za-z0-9._-]`, at most 100
    /// bytes, beginning with neither dot nor dash. `number` makes one up if the part has none.
    pub fn file_name(&self, number: usize) -> String {
        let name = safe_name(self.name.as_deref().unwrap_or_default());
        match name.as_str() {
            "" if self.kind.starts_with("message/") => format!("part-{number}.eml"),
            "" => format!("part-{number}"),
            _ => name,
        }
    }
}

/// The parts of `mail` in their order; there is always at least one.
pub fn parts(mail: &[u8]) -> Vec<Part<'_>> {
    let mut found = Vec::new();
    walk(mail, "text/plain", 0, &mut found);
    found
}

/// The value of the first field `name` of `mail`, decoded to text on one line.
pub fn text_of(fields: &[fields::Field<'_>], name: &str) -> Option<String> {
    value_of(fields, name).map(unstructured)
}

/// The same for people to read: of one that is too long the first part, with an ellipsis.
pub fn shown_of(fields: &[fields::Field<'_>], name: &str) -> String {
    let mut value = unfolded(fields, name).unwrap_or_default();
    if value.len() <= MAX_FIELD {
        return unstructured(value);
    }
    value.truncate(MAX_FIELD);
    // Nothing is left of an encoded word, of 75 bytes at most, that is cut.
    let end = value.iter().rposition(|byte| *byte == b' ');
    value.truncate(end.filter(|end| MAX_FIELD - end <= 75).unwrap_or(MAX_FIELD));
    unstructured(value) + " …"
}

fn unstructured(mut value: Vec<u8>) -> String {
    value.push(b'\n');
    match MessageStream::new(&value).parse_unstructured() {
        HeaderValue::Text(text) => text.into_owned(),
        _ => String::new(),
    }
}

/// Takes one entity apart: `default` is its kind if it names none.
fn walk<'a>(entity: &'a [u8], default: &str, depth: usize, found: &mut Vec<Part<'a>>) {
    let Ok(split) = fields::split(entity) else {
        found.push(opaque(entity));
        return;
    };
    let kind = structured(&split.fields, "Content-Type");
    let disposition = structured(&split.fields, "Content-Disposition");
    let name = kind.as_ref().map_or(default.to_owned(), |kind| match kind.subtype() {
        Some(subtype) => format!("{}/{subtype}", kind.ctype()).to_ascii_lowercase(),
        None => default.to_owned(),
    });
    let attribute = |of: &Option<ContentType<'_>>, key| {
        of.as_ref().and_then(|of| of.attribute(key)).map(str::to_owned)
    };
    let boundary = attribute(&kind, "boundary").filter(|b| !b.is_empty());
    if let Some(boundary) = boundary.filter(|_| name.starts_with("multipart/") && depth < MAX_DEPTH)
    {
        let inner = if name == "multipart/digest" { "message/rfc822" } else { "text/plain" };
        let first = found.len();
        for piece in Pieces::new(split.body, &boundary) {
            if found.len() >= MAX_PARTS {
                break;
            }
            walk(piece, inner, depth + 1, found);
        }
        if name == "multipart/alternative" {
            mark_alternatives(&mut found[first..]);
        }
        if found.len() > first {
            return;
        }
    }
    let encoding = text_of(&split.fields, "Content-Transfer-Encoding").unwrap_or_default();
    found.push(Part {
        alternative: false,
        attachment: disposition.as_ref().is_some_and(ContentType::is_attachment),
        charset: attribute(&kind, "charset"),
        name: attribute(&disposition, "filename").or_else(|| attribute(&kind, "name")),
        encoding: encoding.trim().to_ascii_lowercase(),
        raw: split.body,
        // A multipart that has no parts is read as the text it is.
        kind: if name.starts_with("multipart/") { "text/plain".to_owned() } else { name },
    });
}

/// Of the forms of one text the plain one is read, else the one in HTML.
fn mark_alternatives(forms: &mut [Part<'_>]) {
    let has = |kind: &str| forms.iter().any(|p| p.kind == kind && !p.attachment);
    let best = if has("text/plain") { "text/plain" } else { "text/html" };
    for form in forms.iter_mut().filter(|p| p.kind.starts_with("text/") && !p.attachment) {
        form.alternative = form.kind != best;
    }
}

fn opaque(raw: &[u8]) -> Part<'_> {
    Part {
        kind: "application/octet-stream".to_owned(),
        alternative: false,
        attachment: true,
        charset: None,
        name: None,
        encoding: String::new(),
        raw,
    }
}

fn value_of(fields: &[fields::Field<'_>], name: &str) -> Option<Vec<u8>> {
    unfolded(fields, name).filter(|value| value.len() <= MAX_FIELD)
}

fn unfolded(fields: &[fields::Field<'_>], name: &str) -> Option<Vec<u8>> {
    fields.iter().find(|f| f.name.eq_ignore_ascii_case(name)).map(fields::unfold)
}

fn structured(fields: &[fields::Field<'_>], name: &str) -> Option<ContentType<'static>> {
    let mut value = value_of(fields, name)?;
    value.push(b'\n');
    match MessageStream::new(&value).parse_content_type().into_owned() {
        HeaderValue::ContentType(kind) => Some(kind),
        _ => None,
    }
}

/// What lies between the delimiter lines of a multipart. The line end before a delimiter is its.
struct Pieces<'a> {
    body: &'a [u8],
    boundary: Vec<u8>,
    at: usize,
    open: bool,
}

impl<'a> Pieces<'a> {
    fn new(body: &'a [u8], boundary: &str) -> Pieces<'a> {
        let mut pieces =
            Pieces { body, boundary: boundary.as_bytes().to_vec(), at: 0, open: false };
        pieces.next_piece();
        pieces
    }

    /// The bytes from here to the next delimiter or the end.
    fn next_piece(&mut self) -> &'a [u8] {
        let start = self.at;
        while self.at < self.body.len() {
            let rest = &self.body[self.at..];
            let length = rest.iter().position(|b| *b == b'\n').map_or(rest.len(), |at| at + 1);
            let end = self.at;
            self.at += length;
            if let Some(closing) = self.delimiter(&rest[..length]) {
                self.open = !closing;
                let piece = &self.body[start..end];
                let piece = piece.strip_suffix(b"\n").unwrap_or(piece);
                return piece.strip_suffix(b"\r").unwrap_or(piece);
            }
        }
        self.open = false;
        &self.body[start..]
    }

    /// Whether `line` is a delimiter, and if so, the closing one.
    fn delimiter(&self, line: &[u8]) -> Option<bool> {
        let rest = line.strip_prefix(b"--")?.strip_prefix(&self.boundary[..])?.trim_ascii_end();
        match rest {
            b"" => Some(false),
            b"--" => Some(true),
            _ => None,
        }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.open.then(|| self.next_piece())
    }
}

fn safe_name(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' })
        .collect();
    let plain = plain.trim_start_matches(['.', '-']);
    if plain.len() <= MAX_NAME {
        return plain.to_owned();
    }
    let extension = plain.rfind('.').map_or("", |at| &plain[at..]);
    let extension = if extension.len() <= 10 { extension } else { "" };
    format!("{}{extension}", &plain[..MAX_NAME - extension.len()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kinds(mail: &[u8]) -> Vec<String> {
        parts(mail).into_iter().map(|p| p.kind).collect()
    }

    #[test]
    fn multiparts_are_taken_apart() {
        let mail = b"Content-Type: multipart/mixed; boundary=\"a b\"\n\npreamble\n--a b\n\nhello\n\
            --a b \nContent-Type: multipart/alternative;\n boundary=c\n\n--c\n\nplain\n--c\n\
            Content-Type: TEXT/HTML\n\n<b>rich</b>\n--c--\n--a b\r\nContent-Type: image/png;\n \
            name*=utf-8''a%2Fb%C3%A9.png\nContent-Transfer-Encoding: BASE64\n\naGV5\n--a b--\nepilogue\n";
        let found = parts(mail);
        let seen: Vec<_> =
            found.iter().map(|p| (p.kind.as_str(), p.bytes().to_vec(), p.alternative)).collect();
        assert_eq!(
            seen,
            [
                ("text/plain", b"hello".to_vec(), false),
                ("text/plain", b"plain".to_vec(), false),
                ("text/html", b"<b>rich</b>".to_vec(), true),
                ("image/png", b"hey".to_vec(), false),
            ]
        );
        assert_eq!(found[3].file_name(4), "a_b_.png");
    }

    #[test]
    fn broken_mime_is_shown_as_it_is() {
        for mail in [
            &b"Content-Type: multipart/mixed\n\nx"[..],
            b"Content-Type: multipart/mixed; boundary=a\n\nx",
            b"Content-Type: multipart/mixed; boundary=\"\"\n\nx",
            b"Content-Type: nonsense\n\nx",
            b"Content-Transfer-Encoding: base64\n\n!\n",
        ] {
            assert_eq!(kinds(mail), ["text/plain"], "{mail:?}");
        }
        assert_eq!(parts(b"Content-Transfer-Encoding: base64\n\n!!")[0].bytes(), &b"!!"[..]);
        assert_eq!(
            kinds(b"Content-Type: multipart/digest; boundary=a\n\n--a\n\nSubject: x\n\ny"),
            ["message/rfc822"]
        );
    }

    #[test]
    fn charsets_become_text() {
        let read = |mail: &[u8]| parts(mail)[0].text();
        assert_eq!(read(b"Content-Type: text/plain; charset=iso-8859-1\n\n\xe4"), "ä");
        assert_eq!(read(b"Content-Type: text/plain; charset=koi8-r\n\n\xcd\xc9\xd2"), "мир");
        assert_eq!(read("\n\nä".as_bytes()), "\nä", "8-bit without a charset");
        assert_eq!(read(b"\n\xe4"), "ä", "8-bit that is no UTF-8");
        assert_eq!(read(b"Content-Type: text/plain; charset=unheard-of\n\n\xe4"), "ä");
        assert_eq!(read(b"Content-Transfer-Encoding: quoted-printable\n\n=C3=A4=\nb"), "äb");
    }

    #[test]
    fn encoded_words_are_joined() {
        let text = |mail: &[u8]| text_of(&fields::split(mail).unwrap().fields, "Subject").unwrap();
        assert_eq!(text(b"Subject: =?utf-8?Q?a=C3=A4?=\n  =?utf-8?B?YsOk?=\n\n"), "aäbä");
        assert_eq!(text(b"Subject: one\n two\n\n"), "one two");
        assert_eq!(text(b"Subject:\n\n"), "");
    }

    #[test]
    fn of_a_field_that_is_too_long_people_see_the_first_part() {
        let mail = |value: &str| format!("Subject: {value}\n\n").into_bytes();
        let seen = |mail: &[u8]| shown_of(&fields::split(mail).unwrap().fields, "Subject");
        let long = mail(&"x".repeat(2 * MAX_FIELD));
        assert_eq!(seen(&long), "x".repeat(MAX_FIELD) + " …");
        let words = seen(&mail(&"=?utf-8?Q?a=C3=A4?=\n ".repeat(MAX_FIELD / 10)));
        assert!(words.ends_with("aä …") && !words.contains("=?"), "{words}");
    }

    #[test]
    fn names_of_files_are_safe() {
        for (name, safe) in [
            ("../../.ssh/config", "_.._.ssh_config"),
            (".bashrc", "bashrc"),
            ("-rf", "rf"),
            ("a b\u{1b}\n.txt", "a_b__.txt"),
            ("…", "_"),
            ("", ""),
            ("..", ""),
        ] {
            assert_eq!(safe_name(name), safe);
        }
        let long = safe_name(&format!("{}.jpeg", "x".repeat(300)));
        assert_eq!((long.len(), long.ends_with("x.jpeg")), (100, true));
        assert_eq!(safe_name(&format!("{}.{}", "x".repeat(50), "y".repeat(300))).len(), 100);
    }

    #[test]
    fn nesting_and_number_have_an_end() {
        let mut deep = Vec::new();
        for level in 0..10_000 {
            deep.extend_from_slice(
                format!("Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n")
                    .as_bytes(),
            );
        }
        assert_eq!(parts(&deep).len(), 1);
        let wide = format!(
            "Content-Type: multipart/mixed; boundary=a\n\n{}",
            "--a\n\nx\n".repeat(100_000)
        );
        assert_eq!(parts(wide.as_bytes()).len(), MAX_PARTS);
        let same = "Content-Type: multipart/mixed; boundary=a\n\n--a\n".repeat(5_000);
        assert!(parts(same.as_bytes()).len() <= MAX_PARTS);
    }

    proptest! {
        #[test]
        fn hostile_mail_is_read(
            head in "(Content-Type: (multipart/mixed; ?boundary=a|text/html; charset=[a-z0-9-]{0,12})\
                     |Content-Transfer-Encoding: (base64|quoted-printable)|Subject: =\\?[ -~]{0,20}\\?=){0,3}",
            body in "(--a(--)?\n|Content-[A-Za-z-]{2,12}: [ -~]{0,20}\n|\n|[ -~é=<>&;]{0,30}){0,20}",
        ) {
            let mail = format!("{head}\n\n{body}");
            for part in parts(mail.as_bytes()) {
                let _ = part.text();
                prop_assert!(part.bytes().len() <= mail.len());
            }
        }

        #[test]
        fn noise_is_read(noise in proptest::collection::vec(any::<u8>(), 0..200), charset in "[a-z0-9-]{1,12}") {
            for encoding in ["base64", "quoted-printable", "8bit"] {
                let mut mail = format!(
                    "Content-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: {encoding}\n\n"
                ).into_bytes();
                mail.extend_from_slice(&noise);
                parts(&mail).iter().for_each(|p| { let _ = p.text(); });
            }
        }
    }
}
