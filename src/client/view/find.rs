//! A message by what a mail program knows of it while a view is open: the path of its file there, or
//! its Message-ID, which is all that a program gives that pipes a message somewhere. The file keeps
//! the name that the program gave it, so the journal says which message of the tree it is.

use super::{Where, view};
use crate::client::env::Env;
use crate::client::error::Error;
use crate::client::read::LIMIT as MESSAGE;
use crate::store::atomic;
use crate::store::maildir::{Entry, Maildir};
use std::path::{Path, PathBuf};

/// The message that the argument means, if it is a path in the view of this home that is open, or
/// was when its run was killed, or a Message-ID of one there.
pub fn find(env: &Env<'_>, argument: &str) -> Result<Option<Entry>, Error> {
    let is_id = argument.starts_with('<') && argument.ends_with('>');
    // An id has neither.
    if !is_id && !argument.contains(['/', '.']) {
        return Ok(None);
    }
    let places = env.home.places();
    let Some(Where { at }) = atomic::read_toml(&places.view(), super::LIMIT)? else {
        return Ok(None);
    };
    let base = match is_id {
        true => of_id(&at, argument)?,
        false => of_path(&at, Path::new(argument)),
    };
    let Some(base) = base else { return Ok(None) };
    let known = view::View::known_at(&at, places.data())?;
    let known = known.into_values().find(|known| known.base == base).map(|known| known.name);
    // One that was put there this moment is not in the journal yet.
    let Some(name) = known.or_else(|| view::of_tree(&base)) else { return Ok(None) };
    Ok(Some(Maildir::new(places.mail()).find(&name.unique())?))
}

/// The name without flags of the file at a path, which may have got others since.
fn of_path(at: &Path, path: &Path) -> Option<String> {
    let real = |path: &Path| -> Option<PathBuf> { std::fs::canonicalize(path).ok() };
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    real(dir)?.starts_with(real(at)?).then_some(())?;
    let name = path.file_name()?.to_str()?;
    Some(name.split(':').next().unwrap_or(name).to_owned())
}

fn of_id(at: &Path, id: &str) -> Result<Option<String>, Error> {
    let files = view::View::files_at(at)?;
    let is_it = |path: &Path| -> bool {
        let text = atomic::read(path, MESSAGE).ok().flatten();
        text.and_then(|text| crate::client::forge::message_id(&text)).is_some_and(|its| its == id)
    };
    Ok(files.into_iter().find(|file| is_it(&file.path)).map(|file| file.base))
}
