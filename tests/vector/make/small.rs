//! Vectors of the formats that are one value each: day chains, MACs, stamps, buckets and
//! prefixes, words, and public keys of X25519.

use crate::vector::{Dice, Person, Vector, bucket as one_bucket, first_day, mac_key, today};
use poste::core::bucket::Bucket;
use poste::core::encode::{base64, hex};
use poste::core::keys::{DhSecret, Fingerprint, LetterId};
use poste::core::prim;
use poste::core::stamp::Stamp;
use poste::core::time::Day;

pub fn chain() -> Vec<Vector> {
    let alice = Person::new("alice");
    let last = alice.chain.last();
    let vector = |name: &str, expect: &str, comment: &str, day: Day| {
        let vector = Vector::new("chain", name, expect, comment)
            .with("first", first_day())
            .with("last-seed", base64(alice.chain.last_seed().expose()))
            .with("day", day);
        let Some(seed) = alice.chain.seed(day) else { return vector };
        let key = seed.day_key(day);
        vector
            .with("seed", base64(seed.expose()))
            .with("day-secret", base64(key.expose()))
            .with("day-key", key.public())
    };
    let mut all = vec![
        vector("last_day", "good", "the 4096th day has the random seed itself", last),
        vector("day_before_last", "good", "one step back", last.minus(1)),
        vector("first_day", "good", "4095 steps back", first_day()),
        vector("third_day", "good", "a day in between", today()),
        vector("day_before_first", "good", "the chain is derived on", first_day().minus(1)),
        vector("year_before_first", "good", "400 days before the first", first_day().minus(400)),
        vector("leap_day", "good", "2028-02-29 has a key", "2028-02-29".parse().expect("a date")),
        vector("after_last", "End", "the chain ends with its 4096th day", last.plus(1)),
    ];
    let seed = alice.chain.seed(today()).expect("a day of the chain");
    all.push(
        Vector::new("chain", "disclosed", "good", "a disclosed seed gives every earlier day")
            .with("disclosed-day", today())
            .with("disclosed-seed", base64(seed.expose()))
            .with("day", today().minus(30))
            .with("day-key", seed.earlier(30).day_key(today().minus(30)).public()),
    );
    all
}

pub fn auth() -> Vec<Vector> {
    let (alice, bob, carol) = (Person::new("alice"), Person::new("bob"), Person::new("carol"));
    let day = today();
    let (control, mail) = (b"a = 1\n", b"Subject: lunch\n\nat one\n");
    let letter = mac_key(&alice, &bob, day).letter(control, mail);
    let body = [&control[..], mail].concat();
    let of_letter = |name: &str, expect: &str, comment: &str| {
        Vector::new("auth", name, expect, comment).body(body.clone())
    };
    let with_mac = |vector: Vector, mac: &[u8; 32], control: usize| {
        vector.with("control", control).with("mac", base64(mac))
    };
    let id = LetterId::generate(&mut Dice::new("auth id"));
    let rest = b"From: x\nTo: y\nDate: z\n\nbody\n";
    let filed = |name: &str, expect: &str, comment: &str, mac: [u8; 32]| {
        Vector::new("auth", name, expect, comment)
            .with_terms(&alice, &bob, day)
            .with("id", id)
            .with("mac", base64(&mac))
            .body(*rest)
    };
    let mut all = Vec::new();
    let mut push = |vector: Vector, mac: &[u8; 32], control: usize| {
        all.push(with_mac(vector, mac, control));
    };
    let good = of_letter("letter", "good", "the MAC of a letter as it travels");
    push(good.with_terms(&alice, &bob, day), &letter, control.len());
    let early = mac_key(&alice, &bob, first_day().minus(400)).letter(control, mail);
    let good = of_letter("letter_before_first", "good", "forged for a day before the series");
    push(good.with_terms(&alice, &bob, first_day().minus(400)), &early, control.len());
    let bad = of_letter("other_day", "Mac", "made with the key of the day before");
    push(bad.with_terms(&alice, &bob, day.plus(1)), &letter, control.len());
    let bad = of_letter("other_author", "Mac", "claimed by somebody else");
    push(bad.with_terms(&carol, &bob, day), &letter, control.len());
    let bad = of_letter("other_reader", "Mac", "made for somebody else");
    push(bad.with_terms(&alice, &carol, day), &letter, control.len());
    let bad = of_letter("swapped", "Mac", "sent back to its author: a key has one direction");
    push(bad.with_terms(&bob, &alice, day), &letter, control.len());
    let bad = of_letter("moved_border", "Mac", "a byte of the mail taken for control data");
    push(bad.with_terms(&alice, &bob, day), &letter, control.len() + 1);
    let no_length = mac_key(&alice, &bob, day).filed(&id, rest);
    let bad = of_letter("label_of_filed", "Mac", "the MAC of a filed message is none of a letter");
    push(bad.with_terms(&alice, &bob, day), &no_length, control.len());
    let key = mac_key(&alice, &bob, day);
    all.push(filed("filed", "good", "the MAC of a filed message", key.filed(&id, rest)));
    let other = LetterId::generate(&mut Dice::new("auth other id"));
    let mac = key.filed(&other, rest);
    all.push(filed("filed_other_id", "Mac", "the id is under the MAC", mac));
    let mac = key.letter(b"", rest);
    all.push(filed("filed_label_of_letter", "Mac", "a letter's MAC is none of a file", mac));
    for (name, what) in [("small_reader_dh", "reader-dh"), ("small_day_key", "day-key")] {
        let comment = format!("{what} is of small order, so the exchange would give zeros");
        let mut bad = of_letter(name, "Point", &comment).with_terms(&alice, &bob, day);
        let field = bad.fields.iter_mut().find(|(key, _)| key == what).expect("is among the terms");
        field.1 = base64(&[0; 32]);
        all.push(with_mac(bad, &letter, control.len()));
    }
    all
}

pub fn stamp() -> Vec<Vector> {
    let (alice, bob) = (Person::new("alice").public(), Person::new("bob").public());
    let id = LetterId::generate(&mut Dice::new("stamp id"));
    let made = Stamp::find(&alice, &bob, &id, 12);
    let vector = |name: &str, expect: &str, comment: &str, bits: u8, stamp: &str| {
        Vector::new("stamp", name, expect, comment)
            .with("addressee", alice)
            .with("author", bob)
            .with("id", id)
            .with("bits", bits)
            .with("stamp", stamp)
    };
    let text = made.text();
    let worth = (12..).take_while(|bits| made.is_worth(&alice, &bob, &id, *bits)).last();
    let worth = worth.expect("worth the 12 bits that were asked");
    let swapped = Stamp::find(&bob, &alice, &id, 12);
    assert!(!swapped.is_worth(&alice, &bob, &id, 12));
    vec![
        vector("twelve_bits", "good", "the hash begins with 12 zero bits", 12, &text),
        vector("exactly", "good", "all the zero bits that it has", worth, &text),
        vector("nothing_asked", "good", "any stamp is worth 0 bits", 0, "ffffffffffffffff"),
        vector("one_more", "Work", "one zero bit is missing", worth + 1, &text),
        vector("swapped", "Work", "worked for the other direction", 12, &swapped.text()),
        vector("zeros", "Work", "no work was done", 20, "0000000000000000"),
        vector("short", "Form", "15 digits", 12, &text[1..]),
        vector("long", "Form", "18 digits", 12, &format!("{text}00")),
        vector("upper_case", "Form", "hex is lower case", 0, "FFFFFFFFFFFFFFFF"),
        vector("empty", "Form", "no digits", 0, ""),
    ]
}

pub fn bucket() -> Vec<Vector> {
    let mut all = Vec::new();
    for (name, text) in [
        ("hourly", "hourly/2026-11-22T14"),
        ("hourly_first_hour", "hourly/2026-11-22T00"),
        ("hourly_last_hour", "hourly/2026-12-31T23"),
        ("daily", "daily/2026-11-22"),
        ("daily_leap_day", "daily/2028-02-29"),
    ] {
        let bucket: Bucket = text.parse().expect("a bucket");
        all.push(
            Vector::new(
                "bucket",
                name,
                "good",
                "moments in Unix seconds, each the first of its kind",
            )
            .with("opens", bucket.opens().unix())
            .with("closes", bucket.closes().unix())
            .with("wiped", bucket.wiped().unix())
            .with("day", bucket.day())
            .body(text),
        );
    }
    for (name, comment, text) in [
        ("no_class", "no class", "2026-11-22"),
        ("unknown_class", "no such class", "weekly/2026-11-22"),
        ("upper_class", "names are lower case", "Daily/2026-11-22"),
        ("hourly_without_hour", "an hour is missing", "hourly/2026-11-22"),
        ("daily_with_hour", "an hour too much", "daily/2026-11-22T14"),
        ("hour_24", "hours end with 23", "hourly/2026-11-22T24"),
        ("one_digit_hour", "an hour has two digits", "hourly/2026-11-22T4"),
        ("signed_hour", "a sign is no digit", "hourly/2026-11-22T+4"),
        ("lower_t", "the T is upper case", "hourly/2026-11-22t14"),
        ("no_such_day", "February ends", "daily/2026-02-29"),
        ("short_month", "a month has two digits", "daily/2026-2-20"),
        ("before_1970", "time begins in 1970", "daily/1969-12-31"),
        ("trailing_slash", "nothing follows", "daily/2026-11-22/"),
        ("trailing_space", "nothing follows", "daily/2026-11-22 "),
        ("zone", "all time is UTC", "hourly/2026-11-22T14Z"),
        ("empty", "no text", ""),
    ] {
        all.push(Vector::new("bucket", name, "Bucket", comment).body(text));
    }
    let destination = "4bcf00112233445566778899aabbccdd";
    for (name, expect, comment, prefix) in [
        ("prefix_none", "good", "no digit matches everything", ""),
        ("prefix_one", "good", "the high nibble of byte 0 comes first", "4"),
        ("prefix_two", "good", "then its low nibble", "4b"),
        ("prefix_three", "good", "then the high nibble of byte 1", "4bc"),
        ("prefix_other", "Match", "another shard", "b"),
        ("prefix_other_third", "Match", "the third digit differs", "4bf"),
        ("prefix_four", "Prefix", "at most 3 digits", "4bcf"),
        ("prefix_upper", "Prefix", "hex is lower case", "4B"),
        ("prefix_no_digit", "Prefix", "g is no hex digit", "g"),
    ] {
        let vector = Vector::new("bucket", name, expect, comment);
        all.push(vector.with("destination", destination).body(prefix));
    }
    all
}

pub fn words() -> Vec<Vector> {
    let vector = |name: &str, comment: &str, fingerprint: Fingerprint| {
        Vector::new("words", name, "good", comment)
            .with("fingerprint", fingerprint)
            .with("words", fingerprint.words())
    };
    let of = |person: &str| {
        let public = Person::new(person).public();
        let comment = "a key, its fingerprint and how that is read aloud";
        vector(person, comment, public.fingerprint()).with("sign", public)
    };
    let mut same = [0; 32];
    same[16..].fill(0xff);
    let good = Person::new("alice").public().fingerprint().to_string();
    let bad = |name: &str, comment: &str, text: &str| {
        Vector::new("words", name, "Encoding", comment).with("fingerprint", text)
    };
    vec![
        of("alice"),
        of("bob"),
        vector("zeros", "the list's first word, and a checksum", Fingerprint::from([0; 32])),
        vector("ones", "the list's last word, and a checksum", Fingerprint::from([0xff; 32])),
        vector("half", "only the first 128 bits are read", Fingerprint::from(same)),
        bad("upper_case", "hex is lower case", &good.to_uppercase()),
        bad("short", "63 digits", &good[1..]),
        bad("long", "66 digits", &format!("{good}00")),
        bad("spaced", "nothing stands between digits", &format!("{} {}", &good[..31], &good[32..])),
    ]
}

pub fn point() -> Vec<Vector> {
    let good = DhSecret::generate(&mut Dice::new("point")).public();
    let vector = |name: &str, expect: &str, comment: &str, bytes: [u8; 32]| {
        Vector::new("point", name, expect, comment)
            .with("point", base64(&bytes))
            .with("hex", hex(&bytes))
    };
    let number = |low: u8, mid: u8, high: u8| {
        let mut bytes = [mid; 32];
        (bytes[0], bytes[31]) = (low, high);
        bytes
    };
    let mut top = *good.as_bytes();
    top[31] |= 0x80;
    let order_8 = [
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    ]
    .map(|text| poste::core::encode::unhex(text).expect("64 digits"));
    assert!(prim::x25519(&[7; 32], &order_8[0]).is_err());
    let mut all = vec![
        vector("good", "good", "a public key", *good.as_bytes()),
        vector("base", "good", "the base point, 9", number(9, 0, 0)),
        vector(
            "below_p",
            "good",
            "2^255 - 21, the largest of large order",
            number(0xeb, 0xff, 0x7f),
        ),
        vector("top_bit", "Point", "the same point with its top bit set", top),
        vector("zero", "Point", "0, of order 2", number(0, 0, 0)),
        vector("one", "Point", "1, of order 4", number(1, 0, 0)),
        vector("order_8_a", "Point", "a point of order 8", order_8[0]),
        vector("order_8_b", "Point", "the other point of order 8", order_8[1]),
        vector(
            "minus_one",
            "Point",
            "2^255 - 20, of order 4 on the twist",
            number(0xec, 0xff, 0x7f),
        ),
        vector("p", "Point", "2^255 - 19 is 0 again", number(0xed, 0xff, 0x7f)),
        vector("p_plus_one", "Point", "2^255 - 18 is 1 again", number(0xee, 0xff, 0x7f)),
        vector("p_plus_nine", "Point", "the base point, not reduced", number(0xf6, 0xff, 0x7f)),
        vector("all_ones", "Point", "the largest number of 256 bits", number(0xff, 0xff, 0xff)),
    ];
    let text = good.to_string();
    // The last of 43 digits holds four bits; the lowest two of its six must be zero.
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let last = digits.find(&text[42..]).expect("a digit");
    let trailing = format!("{}{}", &text[..42], &digits[last + 1..last + 2]);
    for (name, comment, text) in [
        ("base64_padded", "padding", format!("{text}=")),
        ("base64_trailing_bits", "the bits after the last byte are not zero", trailing),
        ("base64_url", "the URL alphabet", base64(&[0xfb; 32]).replace('+', "-")),
        ("base64_short", "31 bytes", base64(&good.as_bytes()[1..])),
        ("base64_long", "33 bytes", base64(&[9; 33])),
        ("base64_space", "a space inside", format!("{} {}", &text[..20], &text[21..])),
    ] {
        all.push(Vector::new("point", name, "Encoding", comment).with("point", text));
    }
    assert_eq!(one_bucket().day(), today());
    all
}
