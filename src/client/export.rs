//! Export: the messages of the tree as an archive in standard formats. Sealed as they lie, byte for
//! byte, with the contacts in one sealed file; or in plain, as a Maildir with people's names or as
//! mboxes. What cannot be read is named and counted, and stops nothing else. Nothing is changed.
//! Specified in poste(1), export, and poste-files(5), Archives.

mod boxes;
pub mod home;

use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::parties::Parties;
use crate::client::read::{self, Reader};
use crate::client::{edit, filing};
use crate::core::time::Time;
use crate::store::atomic;
use crate::store::contacts;
use crate::store::groups::{self, Group};
use crate::store::maildir::{Entry, Folder, Maildir};
use crate::store::pack::Pack;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::io::Write;
use std::path::Path;

/// In what form messages are exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One mbox a folder, in plain.
    Mbox,
    /// A Maildir, in plain.
    Plain,
    /// A Maildir of the files as they lie in the tree.
    Sealed,
}

/// What was exported.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Exported {
    /// Messages in the archive.
    pub exported: usize,
    /// Those that could not be, each with the reason.
    pub skipped: Vec<String>,
    /// What sort of failure the first of them was that was not its own fault.
    #[serde(skip)]
    pub refused: Option<Kind>,
}

impl Exported {
    /// Notes a message that could not be read.
    fn skip(&mut self, entry: &Entry, error: &Error) {
        self.skipped.push(format!("{}: {error}", entry.path.display()));
        let refused = Some(error.kind).filter(|kind| *kind != Kind::Data);
        self.refused = self.refused.or(refused);
    }
}

/// A contact or group in a sealed archive: the name, and its file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContactFile {
    /// The petname.
    pub name: String,
    /// The file as it lies in the home.
    pub file: String,
}

/// All contacts and groups of a sealed archive.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContactFiles {
    /// By name.
    #[serde(default)]
    pub contact: Vec<ContactFile>,
    /// Those who were contacts and whose messages were kept, by fingerprint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub past: Vec<ContactFile>,
    /// By name; not those of which the invitation waits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub group: Vec<ContactFile>,
}

/// After so many messages it is said how far it is.
const STEP: usize = 64;

/// The directory of groups in a plain archive.
pub const GROUPS_DIR: &str = "groups";
/// The name of the file of contacts in a sealed archive.
pub const CONTACTS: &str = "contacts.age";
/// The directory of contacts in a plain one, and of the messages.
pub const CONTACTS_DIR: &str = "contacts";
/// The directory of those who were contacts, in a plain one.
pub const PAST_DIR: &str = "past";
/// The directory of messages.
pub const MAIL: &str = "mail";

/// Which folders are exported: those named; else all, but in plain not the quarantine, since what
/// is unproven must not come back as anything else.
pub fn folders(env: &Env<'_>, named: &[Folder], form: Form) -> Result<Vec<Folder>, Error> {
    let all = Maildir::new(env.home.places().mail()).folders()?;
    read::must_be(&all, named)?;
    let mut chosen: Vec<Folder> = match named {
        [] => {
            let is_taken =
                |folder: &Folder| form == Form::Sealed || *folder != Folder::quarantine();
            all.into_iter().filter(is_taken).collect()
        }
        some => some.to_vec(),
    };
    chosen.sort();
    chosen.dedup();
    Ok(chosen)
}

/// Exports folders into an archive.
pub fn export<W: Write>(
    env: &mut Env<'_>,
    folders: &[Folder],
    form: Form,
    pack: &mut Pack<W>,
) -> Result<Exported, Error> {
    let reader = match form {
        Form::Sealed => None,
        Form::Mbox | Form::Plain => Some((Reader::open(env)?, Parties::load(env)?)),
    };
    match form {
        Form::Mbox => {}
        Form::Plain => plain_contacts(env, pack)?,
        Form::Sealed => sealed_contacts(env, pack)?,
    }
    if form != Form::Mbox {
        pack.add_dir(MAIL)?;
    }
    messages(env, folders, form, reader.as_ref(), pack)
}

/// Exports the messages of folders; what is opened needs somebody who opens it.
fn messages<W: Write>(
    env: &Env<'_>,
    folders: &[Folder],
    form: Form,
    reader: Option<&(Reader, Parties)>,
    pack: &mut Pack<W>,
) -> Result<Exported, Error> {
    let mut done = Exported::default();
    let opened = Cell::new(0_usize);
    let count = || {
        if opened.get().is_multiple_of(STEP) {
            (env.progress)(&format!("{} messages read for the archive", opened.get()));
        }
        opened.set(opened.get() + 1);
    };
    for folder in folders {
        let entries = read::list(env, Some(folder), false, None)?;
        if let (Form::Mbox, Some((reader, parties))) = (form, reader) {
            let open = |entry: &Entry| {
                count();
                edit::text(parties, &reader.read(env, entry)?)
            };
            boxes::add(pack, &format!("{folder}.mbox"), &entries, &open, &mut done)?;
            continue;
        }
        for part in ["", "/cur", "/new", "/tmp"] {
            pack.add_dir(&format!("{MAIL}/{folder}{part}"))?;
        }
        for entry in &entries {
            count();
            let bytes = match reader {
                None => sealed(env, entry),
                Some((reader, parties)) => {
                    reader.read(env, entry).and_then(|filed| edit::text(parties, &filed))
                }
            };
            match bytes {
                Err(error) => done.skip(entry, &error),
                Ok(bytes) => {
                    done.exported += 1;
                    pack.add_file(&name(entry), &bytes, entry.name.time())?;
                }
            }
        }
    }
    Ok(done)
}

/// The name of a message in an archive.
fn name(entry: &Entry) -> String {
    let file = entry.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let part = if entry.is_new { "new" } else { "cur" };
    format!("{MAIL}/{}/{part}/{file}", entry.folder)
}

fn sealed(env: &Env<'_>, entry: &Entry) -> Result<Vec<u8>, Error> {
    let found = Maildir::new(env.home.places().mail()).read(entry, read::LIMIT)?;
    found.ok_or_else(|| Error::new(Kind::NoMessage, "it is gone"))
}

fn sealed_contacts<W: Write>(env: &mut Env<'_>, pack: &mut Pack<W>) -> Result<(), Error> {
    let mut all = ContactFiles::default();
    for (name, file) in contact_files(env)? {
        all.contact.push(ContactFile { name, file });
    }
    for (name, file) in past_files(env)? {
        all.past.push(ContactFile { name, file });
    }
    for (name, file) in group_files(env)? {
        all.group.push(ContactFile { name, file });
    }
    let text = toml::to_string(&all).map_err(|e| Error::new(Kind::Bug, e.to_string()))?;
    let sealed = filing::at_rest(env.home.places(), text.as_bytes(), env.rng)?;
    Ok(pack.add_file(CONTACTS, &sealed, Time::default())?)
}

fn plain_contacts<W: Write>(env: &Env<'_>, pack: &mut Pack<W>) -> Result<(), Error> {
    pack.add_dir(CONTACTS_DIR)?;
    for (name, file) in contact_files(env)? {
        pack.add_file(&format!("{CONTACTS_DIR}/{name}.toml"), file.as_bytes(), Time::default())?;
    }
    let past = past_files(env)?;
    if !past.is_empty() {
        pack.add_dir(PAST_DIR)?;
    }
    for (name, file) in past {
        pack.add_file(&format!("{PAST_DIR}/{name}.toml"), file.as_bytes(), Time::default())?;
    }
    let groups = group_files(env)?;
    if !groups.is_empty() {
        pack.add_dir(GROUPS_DIR)?;
    }
    for (name, file) in groups {
        pack.add_file(&format!("{GROUPS_DIR}/{name}.toml"), file.as_bytes(), Time::default())?;
    }
    Ok(())
}

/// The groups' files, by name.
fn group_files(env: &Env<'_>) -> Result<Vec<(String, String)>, Error> {
    let places = env.home.places();
    let mut files = Vec::new();
    for group in env.readable(Group::load_all(places)?) {
        let Some(name) = group.name else { continue };
        let path = places.groups_dir().join(format!("{name}.toml"));
        if let Some(bytes) = atomic::read(&path, groups::LIMIT)? {
            files.push((name.to_string(), String::from_utf8_lossy(&bytes).into()));
        }
    }
    Ok(files)
}

/// The contacts' files, by name.
fn contact_files(env: &Env<'_>) -> Result<Vec<(String, String)>, Error> {
    let places = env.home.places();
    let all = env.readable(contacts::Contact::load_all(places)?);
    let names = all.iter().map(|contact| contact.petname.to_string());
    texts(&places.contacts_dir(), names.collect())
}

/// The files of those who were contacts, by fingerprint.
fn past_files(env: &Env<'_>) -> Result<Vec<(String, String)>, Error> {
    let places = env.home.places();
    let all = env.readable(contacts::Past::load_all(places)?);
    let mut names: Vec<_> = all.iter().map(|past| past.contact.fingerprint.to_string()).collect();
    names.sort();
    texts(&places.past_dir(), names)
}

fn texts(dir: &Path, names: Vec<String>) -> Result<Vec<(String, String)>, Error> {
    let mut files = Vec::new();
    for name in names {
        if let Some(bytes) = atomic::read(&dir.join(format!("{name}.toml")), contacts::LIMIT)? {
            files.push((name, String::from_utf8_lossy(&bytes).into()));
        }
    }
    Ok(files)
}
