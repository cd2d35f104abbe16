//! Changes the hand-edited configuration in one place: a key that is true or false, or the name of a
//! conversation. Nothing else in the file changes, and what would not read back as meant is not written.
//! Specified in poste-files(5), Configuration.

use super::super::atomic;
use super::super::error::{Cause, Error};
use super::super::petname::Petname;
use super::{Config, LIMIT};
use std::fs;
use std::path::Path;
use toml::de::DeTable;

/// Sets `key` in the configuration at `path` to true or false; `said` reads it from what was
/// parsed. The file is made if there is none; through a link, the one that the link leads to is
/// written. Callers hold the state lock.
pub fn switch(
    path: &Path,
    key: &str,
    on: bool,
    said: impl Fn(&Config) -> bool,
) -> Result<(), Error> {
    let text = atomic::read_text_followed(path, LIMIT).map_err(Error::of_config)?;
    let text = text.as_deref().map_or("", String::as_str);
    let known = Config::parse(path, text)?;
    if said(&known) == on {
        return Ok(());
    }
    let changed = with(text, key, on);
    match Config::parse(path, &changed) {
        Ok(config) if said(&config) == on => {}
        _ => {
            let what = format!("it is not clear where; write there {key} = {on}");
            return Err(Error::new(path, "change", Cause::Config { line: None, what }));
        }
    }
    write(path, &changed)
}

/// Gives a conversation for which the configuration at `path` has something to say another name.
/// Callers hold the state lock.
pub fn rename(path: &Path, old: &Petname, new: &Petname) -> Result<(), Error> {
    let text = atomic::read_text_followed(path, LIMIT).map_err(Error::of_config)?;
    let text = text.as_deref().map_or("", String::as_str);
    let mut meant = Config::parse(path, text)?;
    let Some(lasts) = meant.expires.remove(old) else { return Ok(()) };
    meant.expires.insert(new.clone(), lasts);
    let span = DeTable::parse(text).ok().and_then(|table| {
        let conversations = table.get_ref().get("expires")?.get_ref().as_table()?;
        let named = conversations.iter().find(|(key, _)| key.get_ref() == old.as_str())?;
        Some(named.0.span())
    });
    let changed = span.map(|span| format!("{}\"{new}\"{}", &text[..span.start], &text[span.end..]));
    match changed {
        Some(changed) if Config::parse(path, &changed).is_ok_and(|config| config == meant) => {
            write(path, &changed)
        }
        _ => {
            let what = format!("it still calls {new} by the name {old}, below expires");
            Err(Error::new(path, "change", Cause::Config { line: None, what }))
        }
    }
}

/// Writes the file; through a link, the one that the link leads to.
fn write(path: &Path, text: &str) -> Result<(), Error> {
    let real = match fs::canonicalize(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => path.to_owned(),
        other => other.map_err(Error::io(path, "change"))?,
    };
    atomic::write(&real, text.as_bytes())
}

/// The text in which `key` has this value: where it has one already, else in the place of the
/// comment that shows it, else at the end.
fn with(text: &str, key: &str, on: bool) -> String {
    let table = DeTable::parse(text).ok();
    let entries = table.iter().flat_map(|table| table.get_ref());
    let mut spans = entries.filter(|(known, _)| known.get_ref() == key).map(|(_, v)| v.span());
    if let Some(value) = spans.next() {
        return format!("{}{on}{}", &text[..value.start], &text[value.end..]);
    }
    let comment = format!("# {key} = {}", !on);
    let shown = text.match_indices(&comment).find(|(at, _)| {
        let (before, after) = (&text[..*at], &text[at + comment.len()..]);
        (before.is_empty() || before.ends_with('\n'))
            && after.chars().next().is_none_or(char::is_whitespace)
    });
    if let Some((at, _)) = shown {
        return format!("{}{key} = {on}{}", &text[..at], &text[at + comment.len()..]);
    }
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{end}{key} = {on}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn switched(text: &str, on: bool) -> Result<String, Error> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        fs::write(&path, text).unwrap();
        switch(&path, "cover", on, |config| config.cover)?;
        Ok(fs::read_to_string(&path).unwrap())
    }

    #[test]
    fn one_value_changes_and_not_a_byte_else() {
        for (before, after) in [
            ("cover = false", "cover = true"),
            ("  cover=false# no\r\nname = 'a'\r\n", "  cover=true# no\r\nname = 'a'\r\n"),
            ("\"cover\"  = false", "\"cover\"  = true"),
            (
                "name = \"cover = false\"\ncover = false\n",
                "name = \"cover = false\"\ncover = true\n",
            ),
            ("# cover = false  # so\npace = 4", "cover = true  # so\npace = 4"),
            ("## cover = false\npace = 4", "## cover = false\npace = 4\ncover = true\n"),
            ("# cover = falsehood\n", "# cover = falsehood\ncover = true\n"),
            ("pace = 4", "pace = 4\ncover = true\n"),
            ("", "cover = true\n"),
            ("cover = true # on", "cover = true # on"),
        ] {
            assert_eq!(switched(before, true).unwrap(), after, "{before}");
        }
        assert_eq!(switched("cover = true # on", false).unwrap(), "cover = false # on");
        assert_eq!(switched("pace = 4\n", false).unwrap(), "pace = 4\n", "as it is by itself");
        let rendered = Config::default().render();
        let on = switched(&rendered, true).unwrap();
        assert_eq!(on.lines().count(), rendered.lines().count());
        assert!(Config::parse(Path::new("c"), &on).unwrap().cover);
    }

    #[test]
    fn a_conversation_takes_another_name_however_it_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        let [bob, robert] = ["bob", "b.rob"].map(|name| name.parse::<Petname>().unwrap());
        for (before, after) in [
            (
                "expires = { carol = '1d', bob = \"7d\" } # so\n",
                "expires = { carol = '1d', \"b.rob\" = \"7d\" } # so\n",
            ),
            ("[expires]\n\"bob\"='7d'\n", "[expires]\n\"b.rob\"='7d'\n"),
            ("expires.bob = '7d'\n", "expires.\"b.rob\" = '7d'\n"),
            ("name = 'bob'\n", "name = 'bob'\n"),
        ] {
            fs::write(&path, before).unwrap();
            rename(&path, &bob, &robert).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), after, "{before}");
        }
        fs::write(&path, "expires = { bob = '1d', 'b.rob' = '2d' }\n").unwrap();
        assert!(rename(&path, &bob, &robert).is_err(), "two under one name");
    }

    #[test]
    fn what_would_not_read_back_is_left_alone() {
        let tricky = "urls = [\n# cover = false\n]\n";
        let error = switched(tricky, true).unwrap_err();
        assert!(error.to_string().contains("write there cover = true"), "{error}");
        assert!(switched("pase = 4\n", true).unwrap_err().to_string().contains("`pace`"));
    }

    #[test]
    fn a_link_stays_one_and_a_missing_file_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real.toml"), dir.path().join("config.toml"));
        switch(&real, "cover", true, |config| config.cover).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        switch(&link, "cover", false, |config| config.cover).unwrap();
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "cover = false\n");
    }
}
