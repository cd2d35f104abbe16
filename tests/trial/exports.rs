//! What an archive shows of each message, and of which group the message is.

use crate::features::{Counts, form as form_of};
use crate::past::message_id;
use crate::world::Person;
use poste::client::export::{Form, export, folders};
use poste::store::pack::Pack;
use std::collections::BTreeMap;

/// Bytes of a header of a tar file, and of its unit.
const BLOCK: usize = 512;

/// Everything exported.
pub fn archive(person: &Person<'_>, form: Form) -> Vec<u8> {
    person.with(|env| {
        let folders = folders(env, &[], form).unwrap();
        let mut pack = Pack::tar(Vec::new());
        let done = export(env, &folders, form, &mut pack).unwrap();
        assert!(done.skipped.is_empty(), "{done:?}");
        pack.finish().unwrap().unwrap()
    })
}

/// What is seen of the messages, by group (genuine, forged), each known by the unique part of its
/// file's name or by its Message-ID.
pub fn counts(archive: &[u8], form: Form, group: &BTreeMap<String, bool>) -> [Counts; 2] {
    let mut all = [Counts::new(), Counts::new()];
    let mut add = |key: &str, seen: String| {
        if let Some(genuine) = group.get(key) {
            *all[usize::from(!genuine)].entry(seen).or_default() += 1;
        }
    };
    let mut rest = archive;
    while rest[0] != 0 {
        let (header, after) = rest.split_at(BLOCK);
        let size = number(&header[124..136]);
        let (body, after) = after.split_at(size);
        rest = &after[size.next_multiple_of(BLOCK) - size..];
        if form == Form::Mbox {
            let text = String::from_utf8_lossy(body);
            // What is quoted within has a `>` before it.
            for message in text.split("From MAILER-DAEMON ").skip(1) {
                let (date, message) = message.split_once('\n').unwrap();
                add(&message_id(message.as_bytes()), format!("{date}\n{}", shown(message)));
            }
            continue;
        }
        let name = String::from_utf8_lossy(&header[..100]).trim_end_matches('\0').to_owned();
        let Some(unique) = name.split('.').nth(1) else { continue };
        let mut shape = String::from_utf8_lossy(header).replace(unique, "unique");
        // The sum follows from the rest; the length of a sealed file is drawn by the age crate.
        let hidden = if form == Form::Sealed { 124..136 } else { 148..156 };
        for hidden in [hidden, 148..156] {
            let field = String::from_utf8_lossy(&header[hidden]).into_owned();
            shape = shape.replacen(&field, "", 1);
        }
        if form == Form::Plain {
            shape += &shown(std::str::from_utf8(body).unwrap());
        }
        add(unique, shape);
    }
    all
}

fn shown(message: &str) -> String {
    String::from_utf8_lossy(&form_of(message.as_bytes())).into_owned()
}

fn number(octal: &[u8]) -> usize {
    let digits = octal.iter().take_while(|b| b.is_ascii_digit());
    digits.fold(0, |number, digit| number * 8 + usize::from(digit - b'0'))
}
