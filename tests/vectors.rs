//! Every test vector of poste's own formats (tests/vectors): each is judged as its header says,
//! good ones are written again to the same bytes, the code makes the committed files, and a second
//! implementation, in Python and from the specification alone, comes to the same verdicts.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "vector/check/mod.rs"]
mod check;
mod vector;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use vector::{FOLDERS, Vector, top};

/// Vectors in each folder, and how many of them are good.
const COUNTS: [(&str, usize, usize); 12] = [
    ("auth", 13, 3),
    ("bucket", 30, 9),
    ("card", 107, 22),
    ("cell", 50, 13),
    ("chain", 9, 8),
    ("filed", 34, 6),
    ("group", 22, 22),
    ("letter", 122, 17),
    ("point", 19, 3),
    ("report", 23, 5),
    ("stamp", 10, 3),
    ("words", 9, 5),
];

/// Folders and files that other tests read.
const OTHERS: [&str; 4] = [".gitattributes", "README.md", "age", "interop"];

/// All committed vectors, in order.
fn committed() -> Vec<Vector> {
    let mut all = Vec::new();
    for folder in FOLDERS {
        for name in names(&top().join(folder)) {
            let bytes = fs::read(top().join(folder).join(&name)).unwrap();
            let vector = Vector::parse(folder, &name, &bytes);
            let vector = vector.unwrap_or_else(|| panic!("{folder}/{name} is no vector"));
            assert_eq!(vector.bytes(), bytes, "{folder}/{name} has a header of another form");
            all.push(vector);
        }
    }
    all
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let name = |e: std::io::Result<fs::DirEntry>| e.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = entries.map(name).collect();
    names.sort();
    names
}

#[test]
fn every_vector_is_judged_as_it_says() {
    let all = committed();
    let wrong: Vec<String> = all
        .iter()
        .map(|vector| (vector, check::judge(vector, &all)))
        .filter(|(vector, verdict)| vector.one("expect") != verdict)
        .map(|(v, verdict)| format!("{}/{}: {verdict}, not {}", v.folder, v.name, v.one("expect")))
        .collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn none_is_missing_and_none_unknown() {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let all = committed();
    for vector in &all {
        let count = counts.entry(&vector.folder).or_default();
        count.0 += 1;
        count.1 += usize::from(vector.one("expect") == "good");
    }
    let counts: Vec<_> =
        counts.into_iter().map(|(folder, (all, good))| (folder, all, good)).collect();
    assert_eq!(counts, COUNTS);
    let known = |name: &String| FOLDERS.contains(&&**name) || OTHERS.contains(&&**name);
    let unknown: Vec<String> = names(&top()).into_iter().filter(|name| !known(name)).collect();
    assert_eq!(unknown, Vec::<String>::new());
}

#[test]
fn the_code_makes_the_committed_files() {
    let committed = committed();
    let mut made = vector::make::all();
    made.sort_by(|a, b| (&a.folder, &a.name).cmp(&(&b.folder, &b.name)));
    for pair in made.windows(2) {
        assert_ne!(pair[0].path(), pair[1].path(), "made twice");
    }
    let names = |all: &[Vector]| all.iter().map(Vector::path).collect::<Vec<_>>();
    assert_eq!(names(&made), names(&committed));
    for (made, committed) in made.iter().zip(&committed) {
        let path = committed.path();
        assert_eq!(made, committed, "{}: cargo run --example make_vectors", path.display());
    }
}

#[test]
fn a_second_implementation_agrees() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/poste.py");
    let output = Command::new("python3").arg("-I").arg(script).arg(top()).output().unwrap();
    let (out, err) = (output.stdout, output.stderr);
    let (out, err) = (String::from_utf8_lossy(&out), String::from_utf8_lossy(&err));
    assert!(output.status.success(), "{out}{err}");
    let judged =
        ["auth", "card", "cell", "chain", "filed", "group", "letter", "point", "report", "stamp"];
    let all: usize = COUNTS.iter().filter(|c| judged.contains(&c.0)).map(|c| c.1).sum();
    assert_eq!(out, format!("{all} vectors\n"));
}
