use super::*;
use crate::core::chain::Chain;
use crate::core::hybrid::HybridSecret;
use crate::core::keys::DhSecret;
use crate::core::random::fixed::Fixed;

fn now() -> Time {
    Time::from_unix(1_795_356_000)
}

pub(crate) fn parts() -> (Card, SignSecret, Chain) {
    let mut rng = Fixed::new(1);
    let sign = SignSecret::generate(&mut rng);
    let first_day = now().day();
    let chain = Chain::generate(first_day, &mut rng);
    let card = Card {
        issued: now(),
        expires: now() + 90 * DAY,
        name: "Alice".into(),
        sign: sign.public(),
        series: now(),
        dh: DhSecret::generate(&mut rng).public(),
        first_day,
        days: chain.day_keys(first_day, 36).iter().map(DhSecret::public).collect(),
        prekey: HybridSecret::generate(&mut rng).public(),
        prekey_until: first_day.plus(14),
        urls: vec!["https://a.example/alice.toml".into()],
        nodes: vec!["https://relay.example".into()],
        listen: Prefix::of(sign.public().fingerprint().as_bytes(), 1),
        class: Class::Hourly,
        stamp_bits: 22,
        cover: false,
        retired: Vec::new(),
        end: false,
    };
    (card, sign, chain)
}

fn signed() -> SignedCard {
    let (card, sign, _) = parts();
    card.sign(&sign, None).unwrap()
}

#[test]
fn a_card_reads_as_it_was_written() {
    let card = signed();
    let again = SignedCard::parse(card.text().as_bytes()).unwrap();
    assert_eq!(again.text(), card.text());
    assert_eq!(again.card.days, card.card.days);
    assert!(card.text().len() < 4300, "{} bytes", card.text().len());
}

#[test]
fn every_flipped_bit_is_refused_or_in_no_field() {
    let text = signed().text().to_owned();
    for bit in (0..text.len() * 8).step_by(7) {
        let mut bad = text.clone().into_bytes();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(SignedCard::parse(&bad).is_err(), "bit {bit}");
    }
}

#[test]
fn a_table_after_the_trailer_is_refused() {
    let prekey = "[[prekey]]\nrecipient = \"age1pq1mallory\"\n";
    let bad = format!("{}{prekey}", signed().text());
    assert!(matches!(SignedCard::parse(bad.as_bytes()), Err(BadCard::Trailer(_))));
    let bad = signed().text().replace("ed25519", "nodes = []\ned25519");
    assert!(matches!(SignedCard::parse(bad.as_bytes()), Err(BadCard::Trailer(_))));
}

#[test]
fn a_mark_inside_a_string_does_not_split() {
    let (card, sign, _) = parts();
    let text = signed::write(&card).replace(
        "name = \"Alice\"",
        "name = \"Alice\"\nnote = \"\"\"\n[signature]\ned25519 = \\\"x\\\"\n\"\"\"",
    );
    let signature = prim::ed25519_sign(sign.expose(), &message(&text));
    let whole = format!("{text}{}", trailer::write(&signature, None));
    let card = SignedCard::parse(whole.as_bytes()).unwrap();
    assert_eq!(card.signed_part(), text);
    let cut = format!("{}[signature]\n", &whole[..whole.find("[signature]").unwrap()]);
    assert!(SignedCard::parse(cut.as_bytes()).is_err());
}

#[test]
fn a_disclosed_seed_must_give_the_listed_key() {
    let (card, sign, chain) = parts();
    let good = Disclosed { date: card.first_day, seed: chain.seed(card.first_day).unwrap() };
    let disclosed = card.sign(&sign, Some(&good)).unwrap();
    assert!(disclosed.is_newer_than(&signed()));
    assert_eq!(signed().with_disclosed(&good).unwrap().text(), disclosed.text());
    let day_off = Disclosed { date: card.first_day.plus(1), seed: good.seed.clone() };
    assert!(matches!(card.sign(&sign, Some(&day_off)), Err(BadCard::Disclosed)));
    let unlisted = card.first_day.minus(1);
    let unlisted = Disclosed { date: unlisted, seed: chain.seed(unlisted).unwrap() };
    assert!(matches!(card.sign(&sign, Some(&unlisted)), Err(BadCard::Disclosed)));
}

#[test]
fn inadmissible_fields_are_refused() {
    let (good, sign, _) = parts();
    let refused = |change: &dyn Fn(&mut Card)| {
        let mut card = good.clone();
        change(&mut card);
        card.sign(&sign, None).err()
    };
    assert_eq!(refused(&|c| c.stamp_bits = 29), Some(BadCard::Field("stamp_bits")));
    assert_eq!(refused(&|c| c.name = "a\u{202e}b".into()), Some(BadCard::Field("name")));
    assert_eq!(refused(&|c| c.name = "a".repeat(65)), Some(BadCard::Field("name")));
    assert_eq!(refused(&|c| c.days.clear()), Some(BadCard::Field("list of days")));
    assert_eq!(refused(&|c| c.days = vec![c.dh; 65]), Some(BadCard::Field("list of days")));
    assert_eq!(refused(&|c| c.urls = vec!["https://a b".into()]), Some(BadCard::Field("urls")));
    assert_eq!(refused(&|c| c.nodes = vec!["https://a".into(); 9]), Some(BadCard::Field("nodes")));
    assert_eq!(refused(&|c| c.expires = c.issued - 1), Some(BadCard::Field("expires")));
    let mut other = *good.fingerprint().as_bytes();
    other[0] ^= 0x10;
    assert_eq!(refused(&|c| c.listen = Prefix::of(&other, 1)), Some(BadCard::Listen));
    let mallory = SignSecret::from_bytes([3; 32]);
    assert_eq!(good.sign(&mallory, None).err(), Some(BadCard::Signature));
}

#[test]
fn a_reader_takes_the_highest_and_notices_deceit() {
    let (card, sign, _) = parts();
    let me = card.fingerprint();
    let old = signed();
    let newer = Card { issued: now() + 5, ..card.clone() }.sign(&sign, None).unwrap();
    assert_eq!(newer.check(me, Some(&old), now()), Ok(()));
    assert_eq!(old.check(me, Some(&newer), now()), Err(NotTaken::Rollback));
    let twin = Card { name: "Mallory".into(), ..card.clone() }.sign(&sign, None).unwrap();
    assert_eq!(twin.check(me, Some(&old), now()), Err(NotTaken::Equivocation));
    let far = Card { issued: now() + DAY + 1, ..card.clone() }.sign(&sign, None).unwrap();
    assert_eq!(far.check(me, None, now()), Err(NotTaken::Future));
    assert_eq!(old.check([0; 32].into(), None, now()), Err(NotTaken::WrongIdentity));
    let end = Card { end: true, ..card }.sign(&sign, None).unwrap();
    assert_eq!(newer.check(me, Some(&end), now()), Err(NotTaken::Rollback));
}
