//! The cell: 4096 bytes, the only unit that travels. Mail for a correspondent, mail for a
//! stranger and cover are made by the same calls and look alike; only who holds a key can tell.
//! What cannot be opened is nobody's business here and is no error.
//! Specified in poste-protocol(7), Cell.

use crate::core::bucket::{Bucket, CELL, Prefix};
use crate::core::keys::{DhPublic, DhSecret, PairSecret};
use crate::core::prim::{self, Key32};
use crate::core::random::{Random, bytes};
use zeroize::Zeroizing;

/// Bytes of a sealing or enclosure in one cell.
pub const CHUNK: usize = 4008;
/// Parts of a letter at most.
pub const LETTER_PARTS: u16 = 16;

const HEAD: usize = 48;
const PLAIN: usize = 4032;
const VERSION: u8 = 1;

/// A cell as it travels.
pub type Cell = [u8; CELL];

/// What a cell carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Part of an enclosure.
    Enclosure,
    /// Part of a sealed letter.
    Letter,
    /// Nothing: a cell sent to oneself to see whether a node keeps what it takes.
    Loop,
}

impl Kind {
    fn byte(self) -> u8 {
        match self {
            Kind::Loop => 0,
            Kind::Letter => 1,
            Kind::Enclosure => 2,
        }
    }
}

/// The plain contents of a cell: one part of a sealing or enclosure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// What it is a part of.
    pub kind: Kind,
    /// The 16 random bytes that name the sealing or enclosure.
    pub id: [u8; 16],
    /// Which part, from 0.
    pub index: u16,
    /// How many parts there are.
    pub count: u16,
    /// The part: 4008 bytes, or 1 to 4008 if it is the last, or none in a loop cell.
    pub data: Vec<u8>,
}

/// The rule that an opened cell breaks; such a cell is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCell {
    /// Index not below count, or no parts at all, or a loop cell of several.
    #[error("part index or count out of range")]
    Index,
    /// Neither loop, letter nor enclosure.
    #[error("unknown kind of cell")]
    Kind,
    /// Longer than 4008 bytes, an inner part that is not full, an empty part, a full loop cell.
    #[error("part of a wrong length")]
    Length,
    /// Bytes after the chunk that are not zero.
    #[error("padding that is not zero")]
    Padding,
    /// A letter of more than 16 parts.
    #[error("a letter of more than 16 parts")]
    TooManyParts,
    /// Not version 1.
    #[error("unknown version of cell")]
    Version,
}

impl Chunk {
    /// The chunk of a loop cell.
    pub fn looping(rng: &mut dyn Random) -> Chunk {
        Chunk { kind: Kind::Loop, id: bytes(rng), index: 0, count: 1, data: Vec::new() }
    }

    /// The 4032 bytes under the cell's seal.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        debug_assert!(self.data.len() <= CHUNK);
        let mut out = Zeroizing::new(Vec::with_capacity(PLAIN));
        out.extend_from_slice(&[VERSION, self.kind.byte()]);
        out.extend_from_slice(&self.id);
        out.extend_from_slice(&self.index.to_be_bytes());
        out.extend_from_slice(&self.count.to_be_bytes());
        out.extend_from_slice(&(self.data.len() as u16).to_be_bytes());
        out.extend_from_slice(&self.data);
        out.resize(PLAIN, 0);
        out
    }

    /// Reads the 4032 bytes under the cell's seal, refusing every form but the one [`encode`]
    /// writes.
    ///
    /// [`encode`]: Chunk::encode
    pub fn decode(plain: &[u8; PLAIN]) -> Result<Chunk, BadCell> {
        let u16_at = |at: usize| u16::from_be_bytes([plain[at], plain[at + 1]]);
        let kind = match (plain[0], plain[1]) {
            (VERSION, 0) => Kind::Loop,
            (VERSION, 1) => Kind::Letter,
            (VERSION, 2) => Kind::Enclosure,
            (VERSION, _) => return Err(BadCell::Kind),
            _ => return Err(BadCell::Version),
        };
        let (index, count, length) = (u16_at(18), u16_at(20), usize::from(u16_at(22)));
        if index >= count || (kind == Kind::Loop && count != 1) {
            return Err(BadCell::Index);
        }
        if kind == Kind::Letter && count > LETTER_PARTS {
            return Err(BadCell::TooManyParts);
        }
        let inner = index + 1 < count;
        if length > CHUNK || (inner && length != CHUNK) || (length == 0) != (kind == Kind::Loop) {
            return Err(BadCell::Length);
        }
        let (data, padding) = plain[24..].split_at(length);
        if padding.iter().any(|byte| *byte != 0) {
            return Err(BadCell::Padding);
        }
        let mut id = [0; 16];
        id.copy_from_slice(&plain[2..18]);
        Ok(Chunk { kind, id, index, count, data: data.to_vec() })
    }
}

/// A cell to a correspondent whose offer one has. `n` counts the cells made with this secret for
/// this bucket and is on disk before the cell leaves.
pub fn pair(
    secret: &PairSecret,
    bucket: Bucket,
    n: u32,
    digits: Prefix,
    chunk: &Chunk,
    rng: &mut dyn Random,
) -> Cell {
    let (_, point) = fresh_point(rng);
    let key = pair_key(secret, bucket, n, &point);
    seal(PairTags::new(secret, bucket).tag(n), digits, &point, &key, chunk, rng)
}

/// A cell to somebody whose card alone one has: only the holder of its DH key can open it.
pub fn stranger(
    addressee: &DhPublic,
    bucket: Bucket,
    digits: Prefix,
    chunk: &Chunk,
    rng: &mut dyn Random,
) -> Cell {
    let (secret, point) = fresh_point(rng);
    let shared = prim::x25519(&secret, addressee.as_bytes())
        .expect("an admissible public key is not of small order");
    let key = stranger_key(&shared, bucket, &point, addressee);
    seal(bytes(rng), digits, &point, &key, chunk, rng)
}

/// A cell to nobody: a real point, all else random, the 12 clear bits included.
pub fn cover(rng: &mut dyn Random) -> Cell {
    let mut cell = [0; CELL];
    let (_, point) = fresh_point(rng);
    rng.fill(&mut cell);
    cell[16..HEAD].copy_from_slice(&point);
    cell
}

/// The destinations by which the holder of a secret finds its cells of a bucket.
pub struct PairTags(prim::HmacPrefix);

impl PairTags {
    /// Those of `secret` in `bucket`.
    pub fn new(secret: &PairSecret, bucket: Bucket) -> PairTags {
        let name = bucket.to_string();
        PairTags(prim::HmacPrefix::new(secret.expose(), &[b"poste/1 tag", name.as_bytes()]))
    }

    /// That of the `n`th cell, before the digits are written over its first bits.
    pub fn tag(&self, n: u32) -> [u8; 16] {
        let full = self.0.finish(&n.to_be_bytes());
        let mut tag = [0; 16];
        tag.copy_from_slice(&full[..16]);
        tag
    }
}

/// Opens the `n`th cell of a secret. `None`: it is not that; else the chunk or the broken rule.
pub fn open_pair(
    cell: &Cell,
    secret: &PairSecret,
    bucket: Bucket,
    n: u32,
) -> Option<Result<Chunk, BadCell>> {
    open(cell, &pair_key(secret, bucket, n, point_of(cell)))
}

/// Opens a stranger's cell with the DH key of one's series: one X25519 and one attempt, whatever
/// the cell. `None`: it is not for this key; else the chunk or the broken rule.
pub fn open_stranger(
    cell: &Cell,
    secret: &DhSecret,
    public: &DhPublic,
    bucket: Bucket,
) -> Option<Result<Chunk, BadCell>> {
    let point = point_of(cell);
    if !prim::x25519_public_is_good(point) {
        return None;
    }
    let shared = prim::x25519(secret.expose(), point).ok()?;
    open(cell, &stranger_key(&shared, bucket, point, public))
}

fn fresh_point(rng: &mut dyn Random) -> (Key32, [u8; 32]) {
    let secret = Zeroizing::new(bytes(rng));
    let point = prim::x25519_public(&secret);
    (secret, point)
}

fn pair_key(secret: &PairSecret, bucket: Bucket, n: u32, point: &[u8; 32]) -> Key32 {
    let name = bucket.to_string();
    Zeroizing::new(prim::hmac(
        secret.expose(),
        &[b"poste/1 cell", name.as_bytes(), &n.to_be_bytes(), point],
    ))
}

fn stranger_key(shared: &Key32, bucket: Bucket, point: &[u8; 32], addressee: &DhPublic) -> Key32 {
    let name = bucket.to_string();
    prim::hkdf(&shared[..], &[b"poste/1 stranger", name.as_bytes(), point, addressee.as_bytes()])
}

fn seal(
    tag: [u8; 16],
    digits: Prefix,
    point: &[u8; 32],
    key: &Key32,
    chunk: &Chunk,
    rng: &mut dyn Random,
) -> Cell {
    let mut cell = [0; CELL];
    let mut destination = tag;
    let clear: [u8; 2] = bytes(rng);
    destination[0] = clear[0];
    destination[1] = destination[1] & 0x0f | clear[1] & 0xf0;
    digits.write_to(&mut destination);
    cell[..16].copy_from_slice(&destination);
    cell[16..HEAD].copy_from_slice(point);
    let sealed = prim::seal_once(key, &cell[..HEAD], &chunk.encode());
    cell[HEAD..].copy_from_slice(&sealed);
    cell
}

fn open(cell: &Cell, key: &Key32) -> Option<Result<Chunk, BadCell>> {
    let plain = prim::open_once(key, &cell[..HEAD], &cell[HEAD..])?;
    let plain: &[u8; PLAIN] = plain.as_slice().try_into().ok()?;
    Some(Chunk::decode(plain))
}

/// The point, which no two cells share.
pub fn point_of(cell: &Cell) -> &[u8; 32] {
    cell[16..HEAD].try_into().expect("bytes 16..48 are 32")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::random::fixed::Fixed;

    fn bucket() -> Bucket {
        "hourly/2026-11-22T14".parse().unwrap()
    }

    fn chunk() -> Chunk {
        Chunk { kind: Kind::Letter, id: [5; 16], index: 0, count: 1, data: b"sealed".to_vec() }
    }

    #[test]
    fn a_pair_cell_opens_for_its_secret_bucket_and_number_only() {
        let mut rng = Fixed::new(1);
        let secret = PairSecret::generate(&mut rng);
        let cell = pair(&secret, bucket(), 3, "4b".parse().unwrap(), &chunk(), &mut rng);
        assert_eq!(cell[0], 0x4b);
        assert_eq!(open_pair(&cell, &secret, bucket(), 3), Some(Ok(chunk())));
        assert_eq!(open_pair(&cell, &secret, bucket(), 4), None);
        assert_eq!(open_pair(&cell, &secret, bucket().next(), 3), None);
        assert_eq!(open_pair(&cell, &PairSecret::generate(&mut rng), bucket(), 3), None);
        let tag = PairTags::new(&secret, bucket()).tag(3);
        assert_eq!((cell[1] & 15, &cell[2..16]), (tag[1] & 15, &tag[2..]));
    }

    #[test]
    fn a_stranger_cell_opens_for_its_addressee_only() {
        let mut rng = Fixed::new(2);
        let me = DhSecret::generate(&mut rng);
        let cell = stranger(&me.public(), bucket(), Prefix::default(), &chunk(), &mut rng);
        assert_eq!(open_stranger(&cell, &me, &me.public(), bucket()), Some(Ok(chunk())));
        let other = DhSecret::generate(&mut rng);
        assert_eq!(open_stranger(&cell, &other, &other.public(), bucket()), None);
        assert_eq!(open_stranger(&cell, &me, &me.public(), bucket().next()), None);
        assert_eq!(open_stranger(&cover(&mut rng), &me, &me.public(), bucket()), None);
    }

    #[test]
    fn any_flipped_bit_closes_a_cell() {
        let mut rng = Fixed::new(3);
        let secret = PairSecret::generate(&mut rng);
        let cell = pair(&secret, bucket(), 0, Prefix::default(), &chunk(), &mut rng);
        for bit in (0..CELL * 8).step_by(61) {
            let mut bad = cell;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open_pair(&bad, &secret, bucket(), 0), None, "bit {bit}");
        }
    }
}
