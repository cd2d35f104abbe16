//! Vectors of what letters say of groups, each right but for one thing and under a right MAC, and of
//! who is in a group by what was said.

use super::letter::{control_of, people, plain, sealed, vector};
use crate::vector::{Vector, now};
use poste::core::encode::base64;
use poste::core::group::{self, Entry, Register, Registers, Seat, State, Title};
use poste::core::keys::Fingerprint;
use poste::core::letter::{Control, Introduction, Kind, Statement};

/// What alice says of a group of bob's, and what she heard of him.
pub fn statement() -> Statement {
    let (alice, bob) = people();
    let (me, creator) = (alice.public().fingerprint(), bob.public().fingerprint());
    let nonce = [5; 16];
    let keeper = |keeper| Entry { length: 1, keeper };
    let title = |count, text: &str| Some(Title { count, text: text.into() });
    let own = Register {
        version: now().unix(),
        accepted: 1,
        left: 0,
        title: title(2, "The \"family\""),
        entries: [(creator, Entry { length: 2, keeper: false })].into(),
    };
    let heard = Register {
        version: now().unix() - 9,
        accepted: 1,
        title: title(1, "family"),
        entries: [(me, keeper(true))].into(),
        ..Register::default()
    };
    let group = group::id(&creator, &nonce);
    Statement { group, creator, nonce, seen: 7, own, heard: Some(heard) }
}

pub fn stating(statement: Statement) -> Control {
    Control { kind: Kind::Control, statement: Some(Box::new(statement)), ..plain() }
}

pub fn introducing() -> Control {
    let card = "poste = 1\n[signature]\ned25519 = \"x\"\n".into();
    let it = Introduction { group: statement().group, card, accepted: 3, left: 1 };
    Control { kind: Kind::Control, introduction: Some(Box::new(it)), ..plain() }
}

/// What is said of groups, and breaks a rule.
pub fn bad() -> Vec<Vector> {
    let text = control_of(&stating(Statement { heard: None, ..statement() }));
    let mut all = Vec::new();
    let mut add = |name: &str, expect: &str, comment: &str, from: &str, to: &str| {
        assert_eq!(text.matches(from).count(), 1, "{name}: {from} in\n{text}");
        let control = text.replace(from, to);
        all.push(vector(name, expect, comment).body(sealed(control.as_bytes(), b"")));
    };
    let (alice, bob) = people();
    let (me, bobs) = (alice.public().fingerprint(), bob.public().fingerprint());
    let person = base64(bobs.as_bytes());
    let line = format!("\"{person} 2\"");
    let creator = format!("creator = \"{bobs}\"");
    let claimed = format!("creator = \"{me}\"");
    let nonce = format!("nonce = \"{}\"", "05".repeat(16));
    let field = "Field(statement)";
    add("statement_creator", field, "the id is of another's group", &creator, &claimed);
    add("statement_nonce", field, "31 digits", &nonce, &nonce.replacen("05", "5", 1));
    add("statement_seen", "Control", "not negative", "seen = 7", "seen = -7");
    let mut one = |name: &str, comment: &str, to: &str| {
        add(name, "Control", comment, &line, to);
    };
    one("people_twice", "nobody twice", &format!("{line}, {line}"));
    one("people_zero", "a length begins at 1", &format!("\"{person} 0\""));
    one("people_leading_zero", "no leading zero", &format!("\"{person} 02\""));
    one("people_plus", "no sign", &format!("\"{person} +2\""));
    one("people_high", "1,000,000", &format!("\"{person} 1000000\""));
    one("people_word", "another word than keeper", &format!("\"{person} 2 boss\""));
    one("people_third", "a word too many", &format!("\"{person} 2 keeper keeper\""));
    one("people_bare", "no length", &format!("\"{person}\""));
    one("people_hex", "base64 it is", &format!("\"{bobs} 2\""));
    one("people_padded", "base64 is unpadded", &format!("\"{person}= 2\""));
    let many = |count: u8, end: &str| {
        let line = |n: u8| format!("\"{} 1{end}\"", base64(&[n; 32]));
        (0..count).map(line).collect::<Vec<_>>().join(", ")
    };
    one("people_129", "129 people", &many(129, ""));
    one("keepers_17", "17 keepers", &many(17, " keeper"));
    let mut other = |name: &str, comment: &str, from: &str, to: &str| {
        add(name, "Control", comment, from, to);
    };
    other("accepted_high", "1,000,000", "accepted = 1", "accepted = 1000000");
    other("titled_none", "a title has a number", "titled = 2\n", "");
    other("titled_zero", "from 1 on", "titled = 2", "titled = 0");
    let at = text.find("title = ").expect("a title");
    let title = text[at..].lines().next().expect("a line").to_owned();
    other("title_none", "a number has a title", &format!("{title}\n"), "");
    other("title_empty", "one character at least", &title, "title = \"\"");
    other("title_65", "64 at most", &title, &format!("title = \"{}\"", "x".repeat(65)));
    other("title_turned", "printable", &title, "title = \"a\\u202eb\"");
    let own = text.find("[statement.own]").expect("a register");
    let without = &text[..own];
    let comment = "it says what its author says";
    all.push(
        vector("statement_without_own", "Control", comment).body(sealed(without.as_bytes(), b"")),
    );
    let text = control_of(&introducing());
    let field = "Field(introduction)";
    let high = text.replace("accepted = 3", "accepted = 1000000");
    all.push(vector("introduction_high", field, "1,000,000").body(sealed(high.as_bytes(), b"")));
    let at = text.find("card = ").expect("a card");
    let long = format!("{}card = \"{}\"\n", &text[..at], "x".repeat((16 << 10) + 1));
    let comment = "16 KiB and one byte";
    all.push(vector("introduction_card", field, comment).body(sealed(long.as_bytes(), b"")));
    all
}

/// Who is in a group, by what was said: one scene each.
pub fn states() -> Vec<Vector> {
    let who = |n: u8| Fingerprint::from([n; 32]);
    let entry = |length| Entry { length, keeper: false };
    let keeper = |length| Entry { length, keeper: true };
    let register = |accepted, left, entries: &[(u8, Entry)]| Register {
        version: now().unix(),
        accepted,
        left,
        title: None,
        entries: entries.iter().map(|(n, entry)| (who(*n), *entry)).collect(),
    };
    let joined = |accepted| register(accepted, 0, &[]);
    let titled = |count, text: &str, register: Register| Register {
        title: Some(Title { count, text: text.into() }),
        ..register
    };
    // The creator is 9, so that no order makes it the first.
    let boss = |entries: &[(u8, Entry)]| titled(1, "family", register(1, 0, entries));
    let both = [(1, keeper(1)), (2, keeper(1)), (3, entry(1))];
    type Scene<'a> = (&'a str, &'a str, Vec<(u8, Register)>);
    let scenes: Vec<Scene<'_>> = vec![
        ("alone", "a group of its creator", vec![(9, boss(&[]))]),
        ("unspoken", "nothing is known before the creator has spoken", vec![(1, joined(1))]),
        ("invited", "asked in", vec![(9, boss(&[(1, entry(1))]))]),
        ("member", "and in", vec![(9, boss(&[(1, entry(1))])), (1, joined(1))]),
        ("left", "and out", vec![(9, boss(&[(1, entry(1))])), (1, register(1, 1, &[]))]),
        ("declined", "never in", vec![(9, boss(&[(1, entry(1))])), (1, register(0, 1, &[]))]),
        ("removed", "taken out", vec![(9, boss(&[(1, entry(2))])), (1, joined(1))]),
        (
            "confirmed",
            "left, and taken out",
            vec![(9, boss(&[(1, entry(2))])), (1, register(1, 1, &[]))],
        ),
        ("again", "asked in anew", vec![(9, boss(&[(1, entry(3))])), (1, joined(1))]),
        ("back", "and in anew", vec![(9, boss(&[(1, entry(3))])), (1, register(3, 1, &[]))]),
        (
            "early",
            "joined, as the rest is not known",
            vec![(9, boss(&[(1, entry(1))])), (1, register(3, 1, &[]))],
        ),
        (
            "gone",
            "the creator has left",
            vec![(9, register(1, 1, &[(1, entry(1))])), (1, joined(1))],
        ),
        ("uninvited", "who was not asked in is nobody", vec![(9, boss(&[])), (1, joined(1))]),
        (
            "no_right",
            "a member's lists and title have no effect",
            vec![
                (9, boss(&[(1, entry(1)), (2, entry(1))])),
                (
                    1,
                    titled(
                        9,
                        "mine",
                        register(1, 0, &[(2, entry(2)), (3, entry(1)), (9, entry(2))]),
                    ),
                ),
            ],
        ),
        (
            "keeper",
            "a keeper's have",
            vec![
                (9, boss(&[(1, keeper(1)), (2, entry(1))])),
                (1, titled(9, "ours", register(1, 0, &[(2, entry(2)), (3, entry(1))]))),
            ],
        ),
        (
            "keeper_names",
            "but names no keeper",
            vec![
                (9, boss(&[(1, keeper(1))])),
                (1, register(1, 0, &[(3, keeper(1))])),
                (3, register(1, 0, &[(4, entry(1))])),
            ],
        ),
        (
            "keeper_on_keeper",
            "and has no say of keepers and the creator",
            vec![
                (9, boss(&both)),
                (1, register(1, 0, &[(1, entry(3)), (2, entry(2)), (9, entry(4))])),
                (2, joined(1)),
            ],
        ),
        (
            "highest",
            "the highest length counts",
            vec![
                (9, boss(&both)),
                (1, register(1, 0, &[(3, entry(3))])),
                (2, register(1, 0, &[(3, entry(2))])),
                (3, joined(3)),
            ],
        ),
        (
            "dismissed",
            "a keeper no more",
            vec![
                (9, boss(&[(1, entry(1)), (3, entry(1))])),
                (1, titled(2, "mine", register(1, 0, &[(3, entry(2)), (4, entry(1))]))),
            ],
        ),
        (
            "keeper_gone",
            "what a keeper said who has left stays",
            vec![(9, boss(&[(1, keeper(1))])), (1, register(1, 1, &[(3, entry(1))]))],
        ),
        (
            "restored",
            "an old word under a newer version brings nobody back, but names the keepers",
            vec![
                (9, boss(&[(1, entry(1)), (2, keeper(1)), (3, entry(2))])),
                (
                    9,
                    Register {
                        version: now().unix() + 1,
                        ..boss(&[(1, keeper(1)), (3, entry(1))])
                    },
                ),
                (1, joined(1)),
                (2, joined(1)),
                (3, joined(1)),
            ],
        ),
        (
            "titles",
            "of two titles of one number that of the higher fingerprint",
            vec![(9, boss(&both)), (1, titled(2, "z", joined(1))), (2, titled(2, "a", joined(1)))],
        ),
    ];
    let vector = |(name, comment, said): Scene<'_>| {
        let mut body = format!("creator = \"{}\"\n", who(9));
        let mut registers = Registers::new();
        for (author, register) in said {
            let text = toml::to_string(&register).expect("admissible");
            body += &format!("\n[[said]]\nauthor = \"{}\"\n[said.register]\n{text}", who(author));
            group::take(&mut registers, who(author), register, None);
        }
        let state = group::state(who(9), &registers);
        Vector::new("group", name, "good", comment)
            .with("title", &state.title)
            .with("people", people_of(&state))
            .body(body)
    };
    scenes.into_iter().map(vector).collect()
}

/// Everybody's first digits, how they stand to it, and whether they are keepers.
pub fn people_of(state: &State) -> String {
    let one = |(who, seat): (&Fingerprint, &Seat)| {
        let standing = format!("{:?}", seat.standing).to_lowercase();
        let keeper = if seat.keeper { " keeper" } else { "" };
        format!("{} {standing}{keeper}", &who.to_string()[..8])
    };
    state.people.iter().map(one).collect::<Vec<_>>().join(", ")
}
