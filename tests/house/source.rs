//! Rust source as the rules of the house see it: comments, strings and character literals are
//! blanked, so that a rule never trips over prose; lines keep their numbers.
//! It knows just enough of the language for that, and is no parser.

use std::collections::BTreeSet;

/// One file of the tree: its path from the top and its text.
pub struct Source<'a> {
    /// Such as `src/core/cell.rs`.
    pub path: &'a str,
    /// As it stands on disk.
    pub text: &'a str,
}

impl Source<'_> {
    /// The floor the file lies on: `core` for `src/core/cell.rs`, nothing for `src/lib.rs`.
    pub fn floor(&self) -> Option<&str> {
        let (floor, _) = self.path.strip_prefix("src/")?.split_once('/')?;
        Some(floor)
    }

    /// The code, unit tests included.
    pub fn code(&self) -> String {
        blank_prose(self.text)
    }

    /// Whether the file is made of tests alone: integration tests, or unit tests in a file or
    /// directory of their own, which `rules::tests_are_tests` holds to stand under `#[cfg(test)]`.
    pub fn is_tests(&self) -> bool {
        let below = self.path.strip_prefix("src/");
        below.is_none_or(|path| path.ends_with("/tests.rs") || path.contains("/tests/"))
    }

    /// The code without what stands under `#[cfg(test)]`.
    pub fn shipped(&self) -> String {
        if self.is_tests() { String::new() } else { blank_tests(self.code()) }
    }
}

/// `path:line: ` before what is wrong at byte `at` of `code`.
pub fn place(path: &str, code: &str, at: usize) -> String {
    format!("{path}:{}: ", code[..at].matches('\n').count() + 1)
}

/// Where `word` stands in `code`, not as a part of a longer name.
pub fn words(code: &str, word: &str) -> Vec<usize> {
    let name = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let bytes = code.as_bytes();
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(|at| !(name(word.as_bytes().first()) && *at > 0 && name(bytes.get(at - 1))))
        .filter(|at| !(name(word.as_bytes().last()) && name(bytes.get(at + word.len()))))
        .collect()
}

/// The names that follow `root::`, grouped imports taken apart: `a` and `c` in `root::{a::b, c}`.
pub fn children(code: &str, root: &str) -> BTreeSet<(usize, String)> {
    let mut found = BTreeSet::new();
    for at in words(code, &format!("{root}::")) {
        if code[..at].ends_with("::") {
            continue;
        }
        let rest = &code[at + root.len() + 2..];
        let Some(group) = rest.strip_prefix('{') else {
            found.insert((at, first_name(rest)));
            continue;
        };
        let mut depth = 0;
        let mut start = 0;
        for (i, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    found.insert((at, first_name(group[start..i].trim())));
                    start = i + 1;
                    if c == '}' {
                        break;
                    }
                }
                _ => {}
            }
        }
    }
    found
}

fn first_name(path: &str) -> String {
    path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn blank_prose(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = prose_end(bytes, at);
        for byte in &mut out[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end.max(at + 1);
    }
    String::from_utf8(out).expect("whole characters were replaced by spaces")
}

/// The end of the comment, string or character literal that begins at `at`, else `at`.
fn prose_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let after = |needle: &[u8], from: usize| {
        let found = rest[from..].windows(needle.len()).position(|w| w == needle);
        at + found.map_or(rest.len(), |i| from + i + needle.len())
    };
    let named = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    match rest {
        [b'/', b'/', ..] => after(b"\n", 0),
        [b'/', b'*', ..] => after(b"*/", 2),
        [b'r', b'"' | b'#', ..] if !named || bytes[at - 1] == b'b' => {
            let hashes = rest[1..].iter().take_while(|b| **b == b'#').count();
            if rest.get(1 + hashes) != Some(&b'"') {
                return at;
            }
            after(&[b"\"".as_slice(), &rest[1..=hashes]].concat(), 2 + hashes)
        }
        [b'"', ..] => at + quoted(rest, b'"'),
        [b'\'', b'\\', ..] => at + quoted(rest, b'\''),
        [b'\'', first, tail @ ..] if *first != b'\'' => {
            let width = if *first < 0x80 { 0 } else { first.leading_ones() as usize - 1 };
            if tail.get(width) == Some(&b'\'') { at + width + 3 } else { at }
        }
        _ => at,
    }
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

fn blank_tests(mut code: String) -> String {
    while let Some(start) = code.find("#[cfg(test)]") {
        let body = &code[start..];
        let mut depth = 0;
        let mut end = code.len();
        for (i, c) in body.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 && (c == '}' || c == ';') {
                end = start + i + 1;
                break;
            }
        }
        let lines: String = code[start..end].chars().filter(|c| *c == '\n').collect();
        code.replace_range(start..end, &lines);
    }
    code
}

#[test]
fn prose_and_tests_are_blanked_and_lines_keep_their_numbers() {
    let text = r##"a(); // .unwrap()
/* b()
*/ let s = "c() \" d()"; let r = br#"e() " "#; let c = '"'; let l: &'static str = f();
#[cfg(test)]
mod tests { fn g() { h() } }
i();
"##;
    let code = Source { path: "src/core/x.rs", text }.shipped();
    for gone in ["unwrap", "b()", "c()", "d()", "e()", "g()", "h()"] {
        assert!(!code.contains(gone), "{gone} in {code}");
    }
    for kept in ["a()", "'static", "f()", "i()"] {
        assert!(code.contains(kept), "{kept} not in {code}");
    }
    assert_eq!(place("x", &code, code.find("i()").unwrap()), "x:6: ");
}

#[test]
fn grouped_paths_are_taken_apart() {
    let code = "use crate::{core::{a, b}, net};\nfn f() { crate::store::g(); my_crate::x(); }";
    let names: Vec<_> = children(code, "crate").into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["core", "net", "store"]);
}
