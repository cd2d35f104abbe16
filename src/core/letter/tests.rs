use super::*;
use crate::core::auth::Terms;
use crate::core::cell::CHUNK;
use crate::core::keys::{DhSecret, SignSecret};
use crate::core::random::fixed::Fixed;
use crate::core::seal;

fn key() -> MacKey {
    let mut rng = Fixed::new(1);
    let day_key = DhSecret::generate(&mut rng);
    let terms = Terms {
        author: SignSecret::generate(&mut rng).public(),
        day_key: day_key.public(),
        day: "2026-11-22".parse().unwrap(),
        reader: SignSecret::generate(&mut rng).public(),
        reader_dh: DhSecret::generate(&mut rng).public(),
    };
    MacKey::by_day_key(&terms, &day_key).unwrap()
}

fn control() -> Control {
    let date = Time::from_unix(1_795_356_000);
    Control {
        card_seen: date,
        offer_seen: date,
        ..Control::new(LetterId::generate(&mut Fixed::new(2)), [7; 32].into(), date, date.day())
    }
}

fn full() -> Control {
    let mut rng = Fixed::new(3);
    Control {
        kind: Kind::Control,
        acks: vec![LetterId::generate(&mut rng)],
        offer: Some(Offer {
            made: Time::from_unix(1_795_356_001),
            prekey: HybridSecret::generate(&mut rng).public(),
            secret: PairSecret::generate(&mut rng),
            nodes: vec!["https://relay.example".into()],
        }),
        disclosed: None,
        card: Some("poste = 1\n[signature]\ned25519 = \"x\"\n".into()),
        enclosure: Some(Enclosure {
            id: EnclosureId::generate(&mut rng),
            cells: 300,
            sha256: [1; 32],
            key: HybridSecret::generate(&mut rng),
        }),
        want: Some(Want { id: EnclosureId::generate(&mut rng), missing: vec![0b1010_0000] }),
        group: Some(Group { id: GroupId::generate(&mut rng), version: 2, hash: [3; 32] }),
        stamp: Stamp::parse("0123456789abcdef"),
        ..control()
    }
}

#[test]
fn a_letter_reads_as_it_was_written() {
    let bytes = full().write(b"Subject: x\n\nmail\n", &key()).unwrap();
    let letter = Letter::read(&bytes).unwrap();
    assert!(letter.holds(&key()));
    assert_eq!(letter.mail, b"Subject: x\n\nmail\n");
    assert_eq!(letter.control.card, full().card);
    assert_eq!(letter.control.acks, full().acks);
    assert_eq!(letter.control.group, full().group);
    assert_eq!(letter.control.want, full().want);
    assert_eq!(letter.control.stamp, full().stamp);
    let again = letter.control.write(letter.mail, &key()).unwrap();
    assert_eq!(again, bytes, "re-encoded");
}

#[test]
fn a_changed_letter_does_not_hold() {
    let bytes = control().write(b"mail", &key()).unwrap();
    for at in 15..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        assert!(!Letter::read(&bad).is_ok_and(|l| l.holds(&key())), "byte {at}");
    }
}

#[test]
fn first_lines_have_one_form() {
    let good = control().write(b"", &key()).unwrap();
    let text = String::from_utf8(good.to_vec()).unwrap();
    let (line, rest) = text.split_once('\n').unwrap();
    let (start, length) = line.rsplit_once(' ').unwrap();
    for bad in [
        format!("{start} 0{length}\n{rest}"),
        format!("{start} +{length}\n{rest}"),
        format!("{start}  {length}\n{rest}"),
        format!("{start} {length} \n{rest}"),
        format!("{start} {length}\r\n{rest}"),
        format!("X{start} {length}\n{rest}"),
    ] {
        assert_eq!(Letter::read(bad.as_bytes()).err(), Some(BadLetter::FirstLine), "{bad:?}");
    }
    let long = format!("{start} 99999\n{rest}");
    assert_eq!(Letter::read(long.as_bytes()).err(), Some(BadLetter::Length));
    assert!(Letter::read(b"").is_err());
}

#[test]
fn what_every_letter_must_say_is_required_and_limits_hold() {
    let bytes = control().write(b"", &key()).unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let control_text = text.split_once('\n').unwrap().1;
    for line in control_text.lines() {
        let without = control_text.replace(&format!("{line}\n"), "");
        assert!(raw::read(without.as_bytes()).is_err(), "without {line}");
    }
    assert!(raw::read(format!("{control_text}later = 1\n").as_bytes()).is_ok());
    let unknown = format!("{control_text}kind = \"parcel\"\n");
    assert_eq!(raw::read(unknown.as_bytes()).unwrap().kind, Kind::Mail);
    let acks = vec![control().id; MOST_ACKS + 1];
    let many = Control { acks, ..control() };
    assert_eq!(many.write(b"", &key()).err(), Some(BadLetter::Field("acks")));
    let mut offer = full().offer.unwrap();
    offer.nodes = vec!["https://a".into(); 4];
    let four = Control { offer: Some(offer.clone()), ..control() };
    assert_eq!(four.write(b"", &key()).err(), Some(BadLetter::Field("offer's nodes")));
    offer.nodes = vec![format!("https://{}", "a".repeat(240))];
    let long = Control { offer: Some(offer), ..control() };
    assert_eq!(long.write(b"", &key()).err(), Some(BadLetter::Field("offer's nodes")));
}

#[test]
fn the_budget_of_one_cell_holds() {
    let mail = format!(
        "Subject: {}\nMessage-ID: <{}@poste>\nIn-Reply-To: <{}@poste>\nReferences: <{}@poste>\n\
         MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Disposition: inline\n\n{}",
        "Re: lunch on Friday",
        "a".repeat(32),
        "b".repeat(32),
        "c".repeat(32),
        "x".repeat(1700)
    );
    let letter = control().write(mail.as_bytes(), &key()).unwrap();
    let mut rng = Fixed::new(4);
    let to = HybridSecret::generate(&mut rng).public();
    for _ in 0..50 {
        assert!(seal::seal_for_cells(&to, &letter, &mut rng).len() <= CHUNK);
    }
    let offer =
        Control { offer: full().offer, acks: full().acks, kind: Kind::Control, ..control() };
    let letter = offer.write(b"", &key()).unwrap();
    assert!(seal::seal_for_cells(&to, &letter, &mut rng).len() <= CHUNK, "{}", letter.len());
}
