//! Vectors of cells: of every kind, not ours, and sealed rightly over contents that break a rule.

use crate::vector::{Dice, Person, Vector, bucket};
use poste::core::bucket::Prefix;
use poste::core::cell::{self, CHUNK, Cell, Chunk, Kind};
use poste::core::encode::{base64, hex};
use poste::core::keys::{DhSecret, PairSecret};
use poste::core::prim;
use poste::core::random::{Random, bytes};

const N: u32 = 3;

fn secret() -> PairSecret {
    PairSecret::generate(&mut Dice::new("pair secret"))
}

fn digits() -> Prefix {
    "4b".parse().expect("a prefix")
}

fn body(cell: &[u8]) -> String {
    cell.chunks(32).map(|line| hex(line) + "\n").collect()
}

fn chunk(kind: Kind, length: usize, index: u16, count: u16) -> Chunk {
    let id = bytes(&mut Dice::new("sealing"));
    let mut data = vec![0; length];
    Dice::new("chunk").fill(&mut data);
    Chunk { kind, id, index, count, data }
}

fn pair(name: &str, expect: &str, comment: &str) -> Vector {
    Vector::new("cell", name, expect, comment)
        .with("bucket", bucket())
        .with("secret", base64(secret().expose()))
        .with("n", N)
}

fn stranger(name: &str, expect: &str, comment: &str, to: &DhSecret) -> Vector {
    Vector::new("cell", name, expect, comment)
        .with("bucket", bucket())
        .with("dh", to.public())
        .with("dh-secret", base64(to.expose()))
}

fn contents(vector: Vector, chunk: &Chunk, dice: &Dice) -> Vector {
    let kind = match chunk.kind {
        Kind::Loop => "loop",
        Kind::Letter => "letter",
        Kind::Enclosure => "enclosure",
    };
    vector
        .with("kind", kind)
        .with("id", hex(&chunk.id))
        .with("index", chunk.index)
        .with("count", chunk.count)
        .with("length", chunk.data.len())
        .with("sha256", hex(&prim::sha256(&[&chunk.data])))
        .with("digits", digits())
        .with("drawn", hex(&dice.drawn))
}

pub fn good() -> Vec<Vector> {
    let bob = Person::new("bob").dh;
    let mut all = Vec::new();
    for (name, comment, chunk) in [
        ("letter", "a letter of one part", chunk(Kind::Letter, 100, 0, 1)),
        ("letter_full", "one part without padding", chunk(Kind::Letter, CHUNK, 0, 1)),
        ("letter_one_byte", "the shortest part", chunk(Kind::Letter, 1, 0, 1)),
        ("letter_first", "the first of 16 parts", chunk(Kind::Letter, CHUNK, 0, 16)),
        ("letter_last", "the last of 16 parts", chunk(Kind::Letter, 1, 15, 16)),
    ] {
        let mut dice = Dice::new(&format!("pair {name}"));
        let made = cell::pair(&secret(), bucket(), N, digits(), &chunk, &mut dice);
        let vector = pair(&format!("pair_{name}"), "good", comment);
        all.push(contents(vector, &chunk, &dice).body(body(&made)));
        let mut dice = Dice::new(&format!("stranger {name}"));
        let made = cell::stranger(&bob.public(), bucket(), digits(), &chunk, &mut dice);
        let vector = stranger(&format!("stranger_{name}"), "good", comment, &bob);
        all.push(contents(vector, &chunk, &dice).body(body(&made)));
    }
    for (name, comment, chunk) in [
        ("loop", "a cell to oneself", chunk(Kind::Loop, 0, 0, 1)),
        ("enclosure", "part 300 of 65535", chunk(Kind::Enclosure, CHUNK, 300, 65535)),
        ("enclosure_last", "the last part", chunk(Kind::Enclosure, 7, 65534, 65535)),
    ] {
        let mut dice = Dice::new(name);
        let made = cell::pair(&secret(), bucket(), N, digits(), &chunk, &mut dice);
        all.push(contents(pair(name, "good", comment), &chunk, &dice).body(body(&made)));
    }
    all
}

pub fn not_ours() -> Vec<Vector> {
    let bob = Person::new("bob").dh;
    let letter = chunk(Kind::Letter, 100, 0, 1);
    let made = cell::pair(&secret(), bucket(), N, digits(), &letter, &mut Dice::new("not ours"));
    let shown =
        cell::stranger(&bob.public(), bucket(), digits(), &letter, &mut Dice::new("theirs"));
    let mut all = Vec::new();
    let other = |cell: &Cell, at: usize| {
        let mut cell = *cell;
        cell[at] ^= 1;
        body(&cell)
    };
    for (name, comment, at) in [
        ("changed_digit", "the destination is under the seal", 0),
        ("changed_tag", "so is all of it", 15),
        ("changed_point", "the point gives the key", 16),
        ("changed_byte", "a byte of the sealed part", 2000),
        ("changed_end", "the last byte", 4095),
    ] {
        all.push(pair(&format!("pair_{name}"), "NotOurs", comment).body(other(&made, at)));
        let vector = stranger(&format!("stranger_{name}"), "NotOurs", comment, &bob);
        all.push(vector.body(other(&shown, at)));
    }
    let cover = cell::cover(&mut Dice::new("cover"));
    all.push(pair("pair_cover", "NotOurs", "a cell to nobody").body(body(&cover)));
    let vector = stranger("stranger_cover", "NotOurs", "a cell to nobody", &bob);
    all.push(vector.body(body(&cover)));
    let alice = Person::new("alice").dh;
    let vector = stranger("stranger_other_reader", "NotOurs", "for somebody else", &alice);
    all.push(vector.body(body(&shown)));
    let mut change = |name: &str, comment: &str, from: Vector, key: &str, value: &str| {
        let mut vector = Vector { name: name.into(), ..from };
        for (name, old) in &mut vector.fields {
            match name.as_str() {
                "comment" => *old = comment.into(),
                name if name == key => *old = value.into(),
                _ => {}
            }
        }
        all.push(vector);
    };
    let ours = || pair("", "NotOurs", "").body(body(&made));
    let theirs = || stranger("", "NotOurs", "", &bob).body(body(&shown));
    let later = bucket().next().to_string();
    let daily = "daily/2026-11-22";
    change("pair_other_bucket", "the bucket an hour later", ours(), "bucket", &later);
    change("pair_other_class", "the same day's bucket", ours(), "bucket", daily);
    change("pair_other_n", "the next number", ours(), "n", "4");
    change("pair_other_secret", "another secret", ours(), "secret", &base64(&[1; 32]));
    change("stranger_other_bucket", "the bucket an hour later", theirs(), "bucket", &later);

    // Sealed under the key that a reader without the rule would compute.
    let mut zero = [0; 32];
    let zeros = prim::Key32::default();
    let vector = stranger("stranger_point_zero", "NotOurs", "a point of small order", &bob);
    all.push(vector.body(body(&sealed_to(&bob, &zero, &zeros, &letter))));
    zero[0] = 1;
    let vector = stranger("stranger_point_one", "NotOurs", "a point of order 4", &bob);
    all.push(vector.body(body(&sealed_to(&bob, &zero, &zeros, &letter))));
    let s: [u8; 32] = bytes(&mut Dice::new("top bit"));
    let mut point = prim::x25519_public(&s);
    let shared = prim::x25519(bob.expose(), &point).expect("a good point");
    point[31] |= 0x80;
    let comment = "the top bit of the point is set";
    let vector = stranger("stranger_point_top_bit", "NotOurs", comment, &bob);
    all.push(vector.body(body(&sealed_to(&bob, &point, &shared, &letter))));
    let mut nine = [0xff; 32];
    (nine[0], nine[31]) = (0xf6, 0x7f);
    let shared = prim::x25519(bob.expose(), &nine).expect("the base point");
    let comment = "the base point plus 2^255 - 19";
    let vector = stranger("stranger_point_not_reduced", "NotOurs", comment, &bob);
    all.push(vector.body(body(&sealed_to(&bob, &nine, &shared, &letter))));
    all
}

fn sealed_to(to: &DhSecret, point: &[u8; 32], shared: &prim::Key32, chunk: &Chunk) -> Cell {
    let (name, public) = (bucket().to_string(), to.public());
    let info: [&[u8]; 4] = [b"poste/1 stranger", name.as_bytes(), point, public.as_bytes()];
    let key = prim::hkdf(&shared[..], &info);
    close(bytes(&mut Dice::new("destination")), point, &key, &chunk.encode())
}

fn close(destination: [u8; 16], point: &[u8; 32], key: &prim::Key32, plain: &[u8]) -> Cell {
    let head = [&destination[..], point].concat();
    let sealed = prim::seal_once(key, &head, plain);
    [head, sealed].concat().try_into().expect("16, 32 and 4048 bytes")
}

/// The cell with any contents under a right seal.
fn pair_over(plain: &[u8]) -> Cell {
    let point = prim::x25519_public(&bytes(&mut Dice::new("over")));
    let name = bucket().to_string();
    let parts: [&[u8]; 4] = [b"poste/1 cell", name.as_bytes(), &N.to_be_bytes(), &point];
    let key = prim::Key32::new(prim::hmac(secret().expose(), &parts));
    let mut destination = cell::PairTags::new(&secret(), bucket()).tag(N);
    digits().write_to(&mut destination);
    close(destination, &point, &key, plain)
}

pub fn broken() -> Vec<Vector> {
    let letter = chunk(Kind::Letter, 100, 0, 1).encode();
    let mut all = Vec::new();
    let mut add = |name: &str, expect: &str, comment: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut plain = letter.to_vec();
        change(&mut plain);
        all.push(pair(&format!("bad_{name}"), expect, comment).body(body(&pair_over(&plain))));
    };
    let set = |at: usize, value: u16| {
        move |plain: &mut Vec<u8>| plain[at..at + 2].copy_from_slice(&value.to_be_bytes())
    };
    add("version_0", "Version", "version 0", &|p| p[0] = 0);
    add("version_2", "Version", "version 2", &|p| p[0] = 2);
    add("kind_3", "Kind", "no such kind", &|p| p[1] = 3);
    add("kind_255", "Kind", "no such kind", &|p| p[1] = 255);
    add("index", "Index", "index 1 of 1", &set(18, 1));
    add("count_0", "Index", "no parts", &set(20, 0));
    add("loop_of_two", "Index", "a loop cell is alone", &|p| {
        p[1] = 0;
        set(20, 2)(p);
        set(22, 0)(p);
        p[24..].fill(0);
    });
    add("parts_17", "TooManyParts", "a letter of 17 parts", &|p| {
        set(20, 17)(p);
        set(18, 16)(p);
    });
    add("length_4009", "Length", "longer than a chunk", &set(22, 4009));
    add("length_65535", "Length", "longer than a cell", &set(22, 65535));
    add("length_0", "Length", "an empty part", &|p| {
        set(22, 0)(p);
        p[24..].fill(0);
    });
    add("loop_with_data", "Length", "a loop cell has no data", &|p| p[1] = 0);
    add("inner_not_full", "Length", "all parts but the last are full", &set(20, 2));
    add("padding_first", "Padding", "a byte after the chunk", &|p| p[124] = 1);
    add("padding_last", "Padding", "the last byte", &|p| p[4031] = 0x80);
    all
}
