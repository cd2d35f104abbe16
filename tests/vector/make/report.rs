//! Vectors of reports: good ones, and one for each rule of form, limit and signature.

use crate::vector::{Dice, Vector, now};
use poste::core::encode::base64;
use poste::core::prim;
use poste::core::random::bytes;
use poste::core::report::Report;

/// The secret of the node that reports.
fn secret() -> [u8; 32] {
    bytes(&mut Dice::new("key of a node"))
}

fn plain() -> Report {
    Report {
        url: "https://relay.example".into(),
        key: prim::ed25519_public(&secret()),
        saturation: 0.37,
        time: now(),
    }
}

/// Any text with the right signature.
fn signed(text: &str) -> String {
    let message = [b"poste/1 report\n", text.as_bytes()].concat();
    let signature = prim::ed25519_sign(&secret(), &message);
    format!("{text}[signature]\ned25519 = \"{}\"\n", base64(&signature))
}

fn vector(name: &str, expect: &str, comment: &str, body: impl Into<Vec<u8>>) -> Vector {
    Vector::new("report", name, expect, comment).body(body)
}

pub fn all() -> Vec<Vector> {
    let written = |report: &Report| report.write(|m| prim::ed25519_sign(&secret(), m));
    let good = |name: &str, comment: &str, report: Report| {
        vector(name, "good", comment, written(&report))
            .with("url", &report.url)
            .with("key", base64(&report.key))
            .with("saturation", report.saturation)
            .with("time", report.time.unix())
            .with("sign-secret", base64(&secret()))
    };
    let whole = written(&plain());
    let text = whole.split("[signature]").next().expect("the signed part").to_owned();
    let port = "https://relay.example:8443/poste".to_owned();
    let mut all = vec![
        good("plain", "a relay that is a third full", plain()),
        good("empty", "nothing in use", Report { saturation: 0.0, ..plain() }),
        good("full", "all in use", Report { saturation: 1.0, ..plain() }),
        good("port_and_path", "an address may have both", Report { url: port, ..plain() }),
        vector("later_key", "good", "a key of a later version", signed(&format!("{text}x = 1\n"))),
    ];
    let mut bad = |name: &str, expect: &str, comment: &str, from: &str, to: &str| {
        let changed = text.replace(from, to);
        assert_ne!(changed, text, "{name}");
        all.push(vector(name, expect, comment, signed(&changed)));
    };
    let long = format!("https://{}.example\"", "a".repeat(300));
    for (name, expect, comment, from, to) in [
        ("version_2", "Field(version)", "another version", "poste = 1", "poste = 2"),
        ("gopher", "Field(url)", "no address of HTTP", "https://", "gopher://"),
        ("escape", "Field(url)", "a control character", "https://", "https://\\u001b"),
        ("long_url", "Field(url)", "over 256 bytes", "https://relay.example\"", long.as_str()),
        ("over", "Field(saturation)", "more than all", "0.37", "1.01"),
        ("under", "Field(saturation)", "less than nothing", "0.37", "-0.01"),
        ("nan", "Field(saturation)", "no number", "0.37", "nan"),
        ("short_key", "Field(key)", "31 bytes", &base64(&plain().key), &base64(&[1; 31])),
        ("text", "Signed", "a text for a number", "0.37", "\"0.37\""),
        ("no_time", "Signed", "no time", "time = ", "t = "),
    ] {
        bad(name, expect, comment, from, to);
    }
    let foreign = plain().write(|m| prim::ed25519_sign(&[9; 32], m));
    let as_card = plain().write(|m| {
        let text = m.strip_prefix(b"poste/1 report\n").expect("the label");
        prim::ed25519_sign(&secret(), &[b"poste/1 card\n", text].concat())
    });
    all.extend([
        vector("changed", "Signature", "changed after signing", whole.replace("0.37", "0.36")),
        vector("foreign", "Signature", "signed by another key", foreign),
        vector("as_card", "Signature", "signed as a card is", as_card),
        vector("unsigned", "NoSignature", "no trailer", text.as_str()),
        vector("disclosed", "Trailer", "a trailer of a card", format!("{whole}[disclosed]\n")),
        vector("crlf", "NotText", "lines that end in CR LF", whole.replace('\n', "\r\n")),
        vector("long", "NotText", "over 4 KiB", signed(&format!("{text}# {}\n", "x".repeat(4096)))),
        vector("latin", "NotText", "not UTF-8", [b"# \xe9\n", whole.as_bytes()].concat()),
    ]);
    all
}
