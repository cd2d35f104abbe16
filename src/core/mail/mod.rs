//! Mail: RFC 5322 and MIME as programs really write it, seen by the floors above as bytes.
//!
//! [`fields`] takes a message apart without losing a byte, [`outgoing`] lets through what may
//! leave, [`incoming`] removes what the sender may not say, [`recipients`] finds petnames in
//! addresses, [`compose`] builds a message, [`draft`] is one being written and [`failure`] a report about one, [`expires`] says
//! when one disappears,
//! [`mime`] and [`render`] read them. Bodies are never
//! touched. Nothing here trusts a byte: limits come before work, and what a header may carry to
//! the next reader is cleaned line by line.
//! Specified in poste-protocol(7), Letter and Filed form.

pub mod compose;
pub mod draft;
pub mod expires;
pub mod failure;
pub mod fields;
pub mod incoming;
pub mod mbox;
pub mod mime;
pub mod outgoing;
pub mod recipients;
pub mod render;
