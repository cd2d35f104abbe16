//! Enclosures: mail of more than 16 cells. The sender's letter is a head that names the enclosure
//! and its key; its cells go when the addressee asks for them, and only what is missing goes again.
//! Nobody can push megabytes: what was not asked for is not kept.
//! Specified in poste-protocol(7), Enclosures.

pub mod coming;
pub mod going;
