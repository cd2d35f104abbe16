//! A peer's text made fit for a terminal: nothing in it can move the cursor, change colours, turn
//! the direction of writing or hide. What is not printable is shown as `\u{1b}`.
//!
//! Not printable is what Unicode puts into category C (controls, formats, private use,
//! unassigned), Zl or Zp, as poste-protocol(7), Card, says of names. Nothing is removed silently.

use std::fmt::Write;

/// Whether `c` may be shown as it is.
pub fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return (' '..='~').contains(&c);
    }
    if c.is_whitespace() {
        return !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}');
    }
    // The standard library's table of printable characters, asked through the only door to it. A
    // letter is put before `c` since a combining mark is escaped at the beginning of a text only.
    let mut text = [0; 5];
    text[0] = b'a';
    let end = 1 + c.encode_utf8(&mut text[1..]).len();
    std::str::from_utf8(&text[..end]).is_ok_and(|text| text.escape_debug().count() == 2)
}

/// `text` fit for one line: line ends and tabs are shown as escapes too.
pub fn line(text: &str) -> String {
    escape(text, &[])
}

/// `text` fit for a terminal, its line ends and tabs kept.
pub fn text(text: &str) -> String {
    escape(text, &['\n', '\t'])
}

fn escape(text: &str, kept: &[char]) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_printable(c) || kept.contains(&c) {
            out.push(c);
        } else {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_that_steers_a_terminal_is_printable() {
        for c in [
            '\0',
            '\u{7}',
            '\u{8}',
            '\r',
            '\u{1b}',
            '\u{7f}',
            '\u{85}',
            '\u{9b}',
            '\u{9d}',
            '\u{ad}',
            '\u{61c}',
            '\u{180e}',
            '\u{200b}',
            '\u{200d}',
            '\u{200e}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202a}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2069}',
            '\u{206f}',
            '\u{feff}',
            '\u{fff9}',
            '\u{e000}',
            '\u{f8ff}',
            '\u{ffff}',
            '\u{378}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{f0000}',
            '\u{10ffff}',
            '\u{1d173}',
            '\u{13430}',
        ] {
            assert!(!is_printable(c), "{c:?}");
        }
    }

    #[test]
    fn what_people_write_is_printable() {
        let said = "Zoë’s \"naïve\" \\ Ärger — żółć, Ελλάδα, мир, שלום, سلام, हिन्दी, 日本語\u{3000}한국, e\u{301}, a\u{a0}b, 🙂 €½";
        assert_eq!(line(said), said);
    }

    #[test]
    fn escapes_are_visible() {
        assert_eq!(line("a\u{1b}[31m\nb\tc"), "a\\u{1b}[31m\\u{a}b\\u{9}c");
        assert_eq!(text("a\u{1b}\r\nb\tc"), "a\\u{1b}\\u{d}\nb\tc");
    }

    proptest! {
        #[test]
        fn no_control_passes(any in any::<String>()) {
            prop_assert!(line(&any).chars().all(is_printable));
            prop_assert!(text(&any).chars().all(|c| !c.is_control() || c == '\n' || c == '\t'));
        }
    }
}
