//! Text that has the lengths and the words of letters and says nothing: a walk over the word
//! bigrams of some text, from the beginning of a paragraph to the end of one. It is for the letters
//! of cover conversations, which nobody reads; it deceives no reader and need not.
//! Specified in poste-protocol(7), Cover conversations.

use crate::core::mail::compose::{Draft, compose};
use crate::core::random::{Random, below};
use std::collections::HashMap;

/// What the package ships: letters between friends, written for it.
pub const SHIPPED: &str = include_str!("bigram/letters.txt");
/// Bytes of a text at most.
pub const LIMIT: usize = 1 << 20;
/// A text with fewer words is of no use.
const LEAST_WORDS: usize = 50;
/// Bytes of a word at most: what is longer is none.
const WORD: usize = 40;
/// Words of a paragraph, and paragraphs of a mail, at most.
const MOST_WORDS: usize = 300;
const MOST_PARAGRAPHS: u64 = 5;
/// Words of a subject at most.
const SUBJECT: u64 = 5;
/// Characters of a line at most, but for a long word.
const LINE: usize = 72;

/// Which words follow which.
#[derive(Clone, Debug)]
pub struct Bigrams<'a> {
    /// The first stands for the end of a paragraph, and so for the beginning of the next.
    words: Vec<&'a str>,
    next: Vec<Vec<u32>>,
}

impl<'a> Bigrams<'a> {
    /// Those of a text, whose paragraphs are parted by empty lines. `None` if it has more than
    /// [`LIMIT`] bytes or too few words.
    pub fn of(text: &'a str) -> Option<Bigrams<'a>> {
        let mut all = Bigrams { words: vec![""], next: vec![Vec::new()] };
        let mut known: HashMap<&str, u32> = HashMap::new();
        let (mut count, mut last) = (0, 0);
        for line in text.lines().filter(|_| text.len() <= LIMIT) {
            if line.trim().is_empty() {
                last = all.follow(last, 0);
            }
            for word in line.split_whitespace().filter(|w| w.len() <= WORD && is_text(w)) {
                let which = *known.entry(word).or_insert_with(|| {
                    all.words.push(word);
                    all.next.push(Vec::new());
                    all.words.len() as u32 - 1
                });
                last = all.follow(last, which);
                count += 1;
            }
        }
        all.follow(last, 0);
        (count >= LEAST_WORDS).then_some(all)
    }

    /// A mail with a subject, as `poste send` composes one.
    pub fn mail(&self, rng: &mut dyn Random) -> Vec<u8> {
        let mut subject = self.paragraph(rng);
        subject.truncate(1 + below(rng, SUBJECT) as usize);
        let subject = subject.join(" ");
        let subject = subject.trim_end_matches(|c: char| !c.is_alphanumeric());
        let mut text = wrapped(&self.paragraph(rng));
        // Half of all mails have one paragraph, half of the others two.
        for _ in 1..MOST_PARAGRAPHS {
            if below(rng, 2) == 0 {
                break;
            }
            text = format!("{text}\n{}", wrapped(&self.paragraph(rng)));
        }
        let draft = Draft { subject, text: text.as_bytes(), ..Draft::default() };
        compose(&draft, rng)
    }

    fn paragraph(&self, rng: &mut dyn Random) -> Vec<&'a str> {
        let (mut words, mut at) = (Vec::new(), 0);
        while words.len() < MOST_WORDS {
            let next = &self.next[at];
            at = next[below(rng, next.len() as u64) as usize] as usize;
            if at == 0 {
                break;
            }
            words.push(self.words[at]);
        }
        words
    }

    /// Notes that a word follows another, but that no paragraph is empty; gives the one that
    /// follows.
    fn follow(&mut self, word: u32, next: u32) -> u32 {
        if (word, next) != (0, 0) {
            self.next[word as usize].push(next);
        }
        next
    }
}

fn is_text(word: &str) -> bool {
    !word.chars().any(char::is_control)
}

fn wrapped(words: &[&str]) -> String {
    let (mut text, mut length) = (String::new(), 0);
    for word in words {
        let long = word.chars().count();
        match length {
            0 => {}
            _ if length + 1 + long > LINE => {
                text.push('\n');
                length = 0;
            }
            _ => {
                text.push(' ');
                length += 1;
            }
        }
        text += word;
        length += long;
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::random::fixed::Fixed;
    use std::collections::HashSet;

    #[test]
    fn every_pair_of_words_is_one_of_the_text() {
        let bigrams = Bigrams::of(SHIPPED).unwrap();
        let words: Vec<&str> = SHIPPED.split_whitespace().collect();
        let pairs: HashSet<_> = words.windows(2).map(|pair| (pair[0], pair[1])).collect();
        for seed in 0..50 {
            let paragraph = bigrams.paragraph(&mut Fixed::new(seed));
            assert!(!paragraph.is_empty());
            assert!(paragraph.windows(2).all(|pair| pairs.contains(&(pair[0], pair[1]))));
        }
    }

    #[test]
    fn mails_have_the_lengths_of_mails() {
        let bigrams = Bigrams::of(SHIPPED).unwrap();
        let mut lengths: Vec<usize> = (0..400)
            .map(|seed| {
                let mail = String::from_utf8(bigrams.mail(&mut Fixed::new(seed))).unwrap();
                let (head, body) = mail.split_once("\n\n").unwrap();
                assert!(head.starts_with("Subject: "), "{head}");
                assert!(body.ends_with('\n') && body.lines().all(|l| l.chars().count() <= 72));
                body.len()
            })
            .collect();
        lengths.sort_unstable();
        assert!((250..1000).contains(&lengths[200]), "half of them: {}", lengths[200]);
        assert!(lengths[360] > 2 * lengths[200], "one in ten is much longer: {}", lengths[360]);
        assert!(lengths[399] < 9000, "{}", lengths[399]);
    }

    #[test]
    fn what_is_no_text_is_refused_and_odd_text_is_borne() {
        assert!(Bigrams::of("").is_none());
        assert!(Bigrams::of(&"word ".repeat(49)).is_none());
        assert!(Bigrams::of(&"word ".repeat(LIMIT)).is_none());
        let odd = format!("\n\n\u{7}bell {} {}\r\n\r\nüöä\n", "x".repeat(50), "a b ".repeat(30));
        let bigrams = Bigrams::of(&odd).unwrap();
        for seed in 0..50 {
            let mail = bigrams.mail(&mut Fixed::new(seed));
            assert!(!mail.contains(&7) && !mail.contains(&b'\r'));
        }
    }
}
