//! Petnames from addresses, as people type them and as mail programs write them.
//!
//! `bob`, `bob@poste`, `Bob <bob@poste>`, quoted names, comments, encoded words and groups are
//! read; an address anywhere else on the net is refused by name, never cut down to its local part.
//! Who is known is for the floors above to say. Specified in poste-sendmail(1).

use super::fields::{self, Field, MailError};
use mail_parser::{Addr, HeaderValue, parsers::MessageStream};

/// The domain of every address: `bob@poste`.
pub const DOMAIN: &str = "poste";

/// Most bytes of a local part: petnames and fingerprints are shorter.
const MAX_NAME: usize = 256;

/// Most addresses that one message may name.
pub const MAX_RECIPIENTS: usize = 256;

/// What is wrong with an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipientError {
    /// An address with another domain.
    #[error("{0} is no address of a contact: write NAME@{DOMAIN} (in mutt: set hostname={DOMAIN})")]
    Elsewhere(String),
    /// No address could be made of it.
    #[error("cannot read the address {0}: write NAME or NAME@{DOMAIN}")]
    Unreadable(String),
    /// More than [`MAX_RECIPIENTS`].
    #[error("more than {MAX_RECIPIENTS} recipients")]
    TooMany,
}

/// The petnames in one argument of the command line, which may hold several addresses.
pub fn of_argument(argument: &str) -> Result<Vec<String>, RecipientError> {
    let names = addresses(argument.as_bytes())?;
    if names.is_empty() {
        return Err(RecipientError::Unreadable(shown(argument)));
    }
    Ok(names)
}

/// The petnames in To, Cc and Bcc of `mail`, each once, in the order in which they stand.
pub fn of_mail(mail: &[u8]) -> Result<Vec<String>, MailError> {
    let mut all: Vec<String> = Vec::new();
    for field in &fields::split(mail)?.fields {
        if ["To", "Cc", "Bcc"].iter().any(|name| name.eq_ignore_ascii_case(field.name)) {
            for name in of_field(field)? {
                if !all.contains(&name) {
                    all.push(name);
                }
            }
        }
    }
    Ok(all)
}

/// The petnames in one address field. An empty field or group has none.
pub fn of_field(field: &Field<'_>) -> Result<Vec<String>, RecipientError> {
    addresses(&fields::unfold(field))
}

fn addresses(value: &[u8]) -> Result<Vec<String>, RecipientError> {
    let mut line = value.to_vec();
    line.push(b'\n');
    let HeaderValue::Address(list) = MessageStream::new(&line).parse_address() else {
        let text = String::from_utf8_lossy(value);
        // `undisclosed-recipients:;` and an empty field name nobody.
        return match text.trim() {
            "" => Ok(Vec::new()),
            group if group.ends_with(":;") => Ok(Vec::new()),
            other => Err(RecipientError::Unreadable(shown(other))),
        };
    };
    let mut names = Vec::new();
    for addr in list.iter() {
        if names.len() == MAX_RECIPIENTS {
            return Err(RecipientError::TooMany);
        }
        names.push(petname(addr)?);
    }
    Ok(names)
}

/// The local part. A bare word is read by the parser as a name without an address.
fn petname(addr: &Addr<'_>) -> Result<String, RecipientError> {
    let text = addr.address().or(addr.name()).unwrap_or_default().trim();
    let name = match text.rsplit_once('@') {
        Some((local, domain)) if domain.eq_ignore_ascii_case(DOMAIN) => local,
        Some(_) => return Err(RecipientError::Elsewhere(shown(text))),
        None => text,
    };
    let odd = |c: char| c.is_whitespace() || c.is_control() || "@,;:<>()\"".contains(c);
    if name.is_empty() || name.len() > MAX_NAME || name.contains(odd) {
        return Err(RecipientError::Unreadable(shown(text)));
    }
    Ok(name.to_owned())
}

/// Enough of a text to find it again in an error.
fn shown(text: &str) -> String {
    crate::core::printable::line(&text.chars().take(80).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_as_people_and_programs_write_them() {
        for (text, names) in [
            ("bob", &["bob"][..]),
            ("bob@poste", &["bob"]),
            ("bob@POSTE", &["bob"]),
            ("<bob@poste>", &["bob"]),
            ("Bob <bob@poste>", &["bob"]),
            ("Bob <bob>", &["bob"]),
            ("\"Bob, of the <hill>\" <bob@poste>", &["bob"]),
            ("bob@poste (Bob, the other)", &["bob"]),
            ("=?utf-8?Q?B=C3=B6b?= <bob@poste>", &["bob"]),
            ("Böb <böb@poste>", &["böb"]),
            ("bob, carol@poste, Dave <dave@poste>", &["bob", "carol", "dave"]),
            ("friends: bob@poste, carol@poste;", &["bob", "carol"]),
            ("friends: bob@poste, carol@poste;, dave", &["bob", "carol", "dave"]),
            ("bob.of-the_hill+1@poste", &["bob.of-the_hill+1"]),
        ] {
            assert_eq!(of_argument(text).as_deref(), Ok(names.map_owned().as_slice()), "{text}");
        }
    }

    trait MapOwned {
        fn map_owned(&self) -> Vec<String>;
    }
    impl MapOwned for [&str] {
        fn map_owned(&self) -> Vec<String> {
            self.iter().map(|s| s.to_string()).collect()
        }
    }

    #[test]
    fn an_address_elsewhere_is_named_with_the_way_out() {
        let error = of_argument("bob@laptop").unwrap_err();
        assert_eq!(error, RecipientError::Elsewhere("bob@laptop".into()));
        assert!(error.to_string().contains("set hostname=poste"));
        for text in ["Bob <bob@example.org>", "bob@poste@example.org", "bob@poste.example"] {
            assert!(matches!(of_argument(text), Err(RecipientError::Elsewhere(_))), "{text}");
        }
        for text in
            ["", "  ", "Bob Builder", "bob carol@poste", "@poste", "\"a b\"@poste", "friends:;"]
        {
            assert!(matches!(of_argument(text), Err(RecipientError::Unreadable(_))), "{text}");
        }
    }

    #[test]
    fn to_cc_and_bcc_are_read_once_each() {
        let mail =
            b"To: Bob <bob@poste>,\n carol@poste\nFrom: eve@laptop\ncc : bob\nBCC: dave@poste\n\
            Reply-To: x@y\n\nTo: body@poste\n";
        assert_eq!(of_mail(mail).unwrap(), ["bob", "carol", "dave"]);
        assert_eq!(of_mail(b"To: undisclosed-recipients:;\nBcc: bob\n\n").unwrap(), ["bob"]);
        assert_eq!(of_mail(b"Subject: x\n\n").unwrap(), [""; 0]);
        assert!(of_mail(b"To: bob, x@laptop\n\n").is_err());
    }

    #[test]
    fn a_list_has_an_end() {
        let many = vec!["bob"; MAX_RECIPIENTS + 1].join(",");
        assert_eq!(of_argument(&many), Err(RecipientError::TooMany));
        let long = "b".repeat(MAX_NAME + 1);
        assert!(matches!(of_argument(&long), Err(RecipientError::Unreadable(_))));
    }

    proptest! {
        #[test]
        fn hostile_fields_are_read_or_refused(text in "[ -~\\n\\r\\t=?\"(<>@,:;\\\\éb]{0,80}") {
            if let Ok(names) = of_argument(&text) {
                prop_assert!(names.iter().all(|n| !n.is_empty() && !n.contains(['@', '\n', ' '])));
            }
        }
    }
}
