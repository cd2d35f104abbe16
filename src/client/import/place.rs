//! What an entry of an archive is, by its name: a message in a folder, an mbox, contacts. Names of
//! anything else have no place in the tree, and so no way into it.
//! Specified in poste-files(5), Archives.

use crate::client::export::{CONTACTS, CONTACTS_DIR, GROUPS_DIR, MAIL, PAST_DIR};
use crate::core::keys::Fingerprint;
use crate::store::maildir::{Flags, Folder, Name};
use crate::store::petname::Petname;

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A contact's file.
    Contact(Petname),
    /// The sealed file of contacts and groups.
    Contacts,
    /// A group's file.
    Group(Petname),
    /// An mbox, of that folder if its name says so. What reads it gives its messages one by one.
    Mbox(Option<Folder>),
    /// A message, in that folder if its name says so.
    Message(Option<Folder>, FileName),
    /// The file of somebody who was a contact.
    Past(Fingerprint),
    /// What may be mail and is not read, and why.
    Refused(&'static str),
    /// Something that every Maildir may have and that is not imported: unfinished deliveries.
    Nothing,
}

/// What the name of a message's file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileName {
    /// The name, if it is one of ours.
    pub name: Option<Name>,
    /// Its flags.
    pub flags: Flags,
    /// Whether it lies in `new`.
    pub is_new: bool,
}

/// What the entry of that name is.
pub fn piece(name: &[String]) -> Result<Piece, &'static str> {
    let parts: Vec<&str> = name.iter().map(String::as_str).collect();
    match parts.as_slice() {
        [CONTACTS] => Ok(Piece::Contacts),
        [CONTACTS_DIR, file] => {
            let petname = file.strip_suffix(".toml").and_then(|name| name.parse().ok());
            petname.map(Piece::Contact).ok_or("no name of a contact")
        }
        [PAST_DIR, file] => {
            let who = file.strip_suffix(".toml").and_then(|name| name.parse().ok());
            who.map(Piece::Past).ok_or("no name of a former contact")
        }
        [GROUPS_DIR, file] => {
            let petname = file.strip_suffix(".toml").and_then(|name| name.parse().ok());
            petname.map(Piece::Group).ok_or("no name of a group")
        }
        [.., part @ ("cur" | "new" | "tmp"), file] => {
            let before = &parts[..parts.len() - 2];
            let before = before.strip_prefix(&[MAIL]).unwrap_or(before);
            let folder = match before {
                [] => None,
                [folder] => Some(folder.parse().map_err(|_| "no name of a folder")?),
                _ => return Err("no place for it in the tree"),
            };
            match *part {
                "tmp" => Ok(Piece::Nothing),
                part => Ok(Piece::Message(folder, file_name(file, part == "new"))),
            }
        }
        [.., file] if parts.len() <= 2 => match file.strip_suffix(".mbox") {
            Some(folder) => Ok(Piece::Mbox(folder.parse().ok())),
            None => Err("no place for it in the tree"),
        },
        _ => Err("no place for it in the tree"),
    }
}

/// What a file of a directory is, whose names nobody promised to be those of an export: mail, by
/// where it lies, whatever is above it. `None` if it is its owner's affair.
pub fn found(name: &[String]) -> Option<Piece> {
    let mail = || match name {
        [.., part, file] if matches!(part.as_str(), "cur" | "new") => {
            Some(Piece::Message(None, file_name(file, part == "new")))
        }
        [.., file] if file.ends_with(".mbox") => Some(Piece::Mbox(None)),
        _ => None,
    };
    piece(name).ok().or_else(mail)
}

fn file_name(file: &str, is_new: bool) -> FileName {
    let (base, info) = file.split_once(':').unwrap_or((file, ""));
    let flags = Flags::from_letters(info.strip_prefix("2,").unwrap_or_default());
    FileName { name: base.parse().ok(), flags, is_new }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Result<Piece, &'static str> {
        piece(&text.split('/').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn every_place_of_an_export_is_known() {
        let file = "1793527860.5f0d6e1b9c2a4788.poste:2,FS";
        let Ok(Piece::Message(Some(folder), found)) = at(&format!("mail/bob/cur/{file}")) else {
            panic!("no message");
        };
        assert_eq!((folder.as_str(), found.is_new), ("bob", false));
        assert_eq!(found.name.unwrap().to_string(), "1793527860.5f0d6e1b9c2a4788.poste");
        assert_eq!(found.flags.to_string(), "FS");
        assert!(matches!(
            at("bob/new/x"),
            Ok(Piece::Message(Some(_), FileName { name: None, .. }))
        ));
        assert!(matches!(at("cur/12.M3.host:2,S"), Ok(Piece::Message(None, _))));
        assert_eq!(at("mail/bob/tmp/x"), Ok(Piece::Nothing));
        assert_eq!(at("contacts.age"), Ok(Piece::Contacts));
        assert_eq!(at("contacts/bob.toml"), Ok(Piece::Contact("bob".parse().unwrap())));
        let who = "4b".repeat(32);
        assert_eq!(at(&format!("past/{who}.toml")), Ok(Piece::Past(who.parse().unwrap())));
        assert_eq!(at("groups/kin.toml"), Ok(Piece::Group("kin".parse().unwrap())));
        assert_eq!(at("bob.mbox"), Ok(Piece::Mbox(Some("bob".parse().unwrap()))));
    }

    #[test]
    fn mail_in_a_directory_is_found_wherever_it_lies() {
        let at = |text: &str| found(&text.split('/').map(str::to_owned).collect::<Vec<_>>());
        for place in [".Sent/cur/x", "Work/new/x", "a/b/cur/x", "mail/../cur/x"] {
            assert!(matches!(at(place), Some(Piece::Message(None, _))), "{place}");
        }
        assert!(matches!(at("bob/cur/x"), Some(Piece::Message(Some(_), _))));
        assert_eq!(at("a/b/c.mbox"), Some(Piece::Mbox(None)));
        assert_eq!(at("Work/tmp/x"), None);
        assert_eq!(at("dovecot-uidlist"), None);
    }

    #[test]
    fn nothing_else_has_a_place() {
        for bad in [
            "keys/transit.toml",
            "config.toml",
            ".poste/keys",
            "contacts/../x.toml",
            "contacts/Bob.toml",
            "past/bob.toml",
            "groups/4b4b4b4b.invited",
            "mail/../cur/x",
            "mail/.git/cur/x",
            "mail/a/b/cur/x",
            "mail/bob/x",
            "outbox/x.toml",
            "state/cursors.toml",
            "a/b/c.mbox",
            "x",
        ] {
            assert!(at(bad).is_err(), "{bad}");
        }
    }
}
