//! What people write, drawn from a seed: the same for genuine and forged messages, so that whatever
//! tells them apart is not the text.
#![allow(dead_code, reason = "each test uses a part of it")]

use crate::world::Dice;
use poste::core::mail::compose::{Attached, Draft, compose};
use poste::core::random::{Random, below, bytes};
use poste::core::time::Time;

const WORDS: [&str; 48] = [
    "the",
    "and",
    "to",
    "we",
    "of",
    "a",
    "in",
    "you",
    "it",
    "is",
    "at",
    "on",
    "for",
    "not",
    "that",
    "come",
    "tea",
    "Friday",
    "train",
    "garden",
    "letter",
    "late",
    "again",
    "soon",
    "home",
    "rain",
    "key",
    "bread",
    "music",
    "money",
    "lake",
    "paper",
    "street",
    "window",
    "winter",
    "answer",
    "question",
    "nobody",
    "always",
    "never",
    "perhaps",
    "yesterday",
    "tomorrow",
    "evening",
    "together",
    "remember",
    "forget",
    "waiting",
];
const FOREIGN: [&str; 16] = [
    "Grüße",
    "déjà",
    "naïve",
    "señor",
    "über",
    "café",
    "日本",
    "привет",
    "Ωμέγα",
    "смех",
    "łódź",
    "ça",
    "مرحبا",
    "— well —",
    "„so“",
    "€5",
];

/// The kinds of mails that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text and no more.
    Plain,
    /// With letters beyond ASCII in subject and text.
    Foreign,
    /// As mail programs write HTML: both forms, CRLF, and headers that must not leave.
    Html,
    /// With files.
    Files,
    /// With what breaks careless programs: `From `, dots, long lines, no end of the last line.
    Odd,
}

/// The kind that the mail of this number is.
pub fn kind(number: u64) -> Kind {
    match number % 10 {
        0..5 => Kind::Plain,
        5 | 6 => Kind::Foreign,
        7 => Kind::Html,
        8 => Kind::Files,
        _ => Kind::Odd,
    }
}

/// The mail of this number, as it is given to the program; an answer to the last of `thread`. With
/// `marked` it can be known again by [`number`].
pub fn mail(number: u64, thread: &[String], marked: bool) -> Vec<u8> {
    let mut dice = Dice(number.wrapping_mul(0x5851_f42d_4c95_7f2d) ^ 0x1405);
    let rng = &mut dice;
    let kind = kind(number);
    let foreign = kind == Kind::Foreign;
    let mut subject = line(rng, 1 + number % 5, foreign);
    if !thread.is_empty() {
        subject = format!("Re: {subject}");
    }
    // One in five has no subject.
    if below(rng, 5) == 0 {
        subject.clear();
    }
    let mut text = text(rng, foreign);
    if marked {
        text.insert_str(0, &format!("<{number:06}>\n"));
    }
    let draft = |text: &[u8], files: &[Attached<'_>], rng: &mut dyn Random| {
        let to = &[];
        compose(&Draft { to, subject: &subject, thread, text, files, ..Draft::default() }, rng)
    };
    match kind {
        Kind::Plain | Kind::Foreign => draft(text.as_bytes(), &[], rng),
        Kind::Html => html(&subject, thread, &text, rng),
        Kind::Files => {
            // Some go as enclosures.
            let length = if number % 120 == 8 { 70_000 } else { 10 + below(rng, 3000) };
            let mut content = vec![0; length as usize];
            rng.fill(&mut content);
            let note = text.clone().into_bytes();
            let photo = Attached { name: "photo.jpg", bytes: &content };
            let notes = Attached { name: "Notizen für dich.txt", bytes: &note };
            let both = [photo, notes];
            draft(text.as_bytes(), &both[..1 + (number % 20 / 10) as usize], rng)
        }
        Kind::Odd => {
            text += "From here on\n>From there\n.\n..\n\n\n";
            text += &"long ".repeat(300);
            draft(text.as_bytes(), &[], rng)
        }
    }
}

/// How many ids the mail of that number refers to.
pub fn answers(number: u64) -> usize {
    [0, 1, 0, 2, 0, 4, 0][(number % 7) as usize]
}

/// The number of the mail in a message.
pub fn number(message: &[u8]) -> Option<u64> {
    let at = message
        .windows(8)
        .position(|w| w[0] == b'<' && w[7] == b'>' && w[1..7].iter().all(u8::is_ascii_digit))?;
    std::str::from_utf8(&message[at + 1..at + 7]).ok()?.parse().ok()
}

fn line(rng: &mut dyn Random, words: u64, foreign: bool) -> String {
    let mut out: Vec<&str> = Vec::new();
    for _ in 0..words {
        out.push(match foreign && below(rng, 3) == 0 {
            true => FOREIGN[below(rng, 16) as usize],
            // The first ones more often, as in any language.
            false => WORDS[below(rng, 48).min(below(rng, 48)) as usize],
        });
    }
    out.join(" ")
}

fn text(rng: &mut dyn Random, foreign: bool) -> String {
    let mut out = String::new();
    for _ in 0..1 + below(rng, 12) {
        let words = 3 + below(rng, 9);
        out += &line(rng, words, foreign);
        out += if below(rng, 4) == 0 { ".\n\n" } else { "\n" };
    }
    out
}

fn html(subject: &str, thread: &[String], text: &str, rng: &mut dyn Random) -> Vec<u8> {
    let boundary = poste::core::encode::hex(&bytes::<8>(rng));
    let mut out = format!(
        "From: Alice Archer <alice@laptop.example>\r\nTo: bob@poste\r\n\
         Date: {}\r\nMessage-ID: <12@laptop.example>\r\nUser-Agent: Mail 1.0\r\n\
         Subject: {subject}\r\n",
        Time::from_unix(1_795_000_000).rfc5322()
    );
    if let Some(last) = thread.last() {
        out += &format!("In-Reply-To: {last}\r\nReferences: {}\r\n", thread.join("\r\n "));
    }
    let body = text.replace('\n', "\r\n");
    out += &format!(
        "MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary=\"{boundary}\"\r\n\
         \r\n--{boundary}\r\nContent-Type: text/plain\r\n\r\n{body}\r\n--{boundary}\r\n\
         Content-Type: text/html\r\n\r\n<p>{}</p>\r\n--{boundary}--\r\n",
        body.replace("\r\n", "<br>\r\n")
    );
    out.into_bytes()
}
