//! What letters say of groups: a statement holds the author's own register, and for somebody who
//! is invited by a keeper what the creator is said to have said; an introduction holds the card of
//! one of the group. A statement is filled up, so that its length tells nothing of how many people
//! there are, but whether more than 64 were ever in. Specified in poste-protocol(7), GROUPS.

use super::BadLetter;
use crate::core::card::LIMIT as CARD_LIMIT;
use crate::core::encode::{hex, unhex};
use crate::core::group::{self, MOST_LENGTH, Register};
use crate::core::keys::{Fingerprint, GroupId};
use serde::{Deserialize, Serialize};

/// What the author of a letter says of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Which group.
    pub group: GroupId,
    /// Who made it.
    pub creator: Fingerprint,
    /// The random bytes of its id.
    pub nonce: [u8; 16],
    /// The version of the addressee's register that the author holds, 0 if none.
    pub seen: u64,
    /// What the author says.
    pub own: Register,
    /// What the creator has said, as far as the author heard.
    pub heard: Option<Register>,
}

/// Somebody of a group whom the addressee may not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introduction {
    /// Which group.
    pub group: GroupId,
    /// The bytes of the card file.
    pub card: String,
    /// At which causal length they are said to have joined.
    pub accepted: u32,
    /// At which they are said to have left.
    pub left: u32,
}

#[derive(Serialize, Deserialize)]
pub(super) struct RawStatement {
    group: GroupId,
    creator: Fingerprint,
    nonce: String,
    seen: u64,
    #[serde(default)]
    fill: String,
    own: Register,
    #[serde(skip_serializing_if = "Option::is_none")]
    heard: Option<Register>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct RawIntroduction {
    group: GroupId,
    accepted: u32,
    left: u32,
    card: String,
}

impl From<&Statement> for RawStatement {
    fn from(statement: &Statement) -> RawStatement {
        let heard = statement.heard.as_ref().map_or(0, Register::slack);
        RawStatement {
            group: statement.group,
            creator: statement.creator,
            nonce: hex(&statement.nonce),
            seen: statement.seen,
            fill: "0".repeat(statement.own.slack() + heard),
            own: statement.own.clone(),
            heard: statement.heard.clone(),
        }
    }
}

impl RawStatement {
    pub(super) fn read(self) -> Result<Statement, BadLetter> {
        let bad = BadLetter::Field("statement");
        let nonce = unhex(&self.nonce).map_err(|_| bad.clone())?;
        if group::id(&self.creator, &nonce) != self.group {
            return Err(bad);
        }
        let RawStatement { group, creator, seen, own, heard, .. } = self;
        Ok(Statement { group, creator, nonce, seen, own, heard })
    }
}

impl From<&Introduction> for RawIntroduction {
    fn from(introduction: &Introduction) -> RawIntroduction {
        let Introduction { group, card, accepted, left } = introduction.clone();
        RawIntroduction { group, accepted, left, card }
    }
}

impl RawIntroduction {
    pub(super) fn read(self) -> Result<Introduction, BadLetter> {
        let RawIntroduction { group, accepted, left, card } = self;
        match card.len() <= CARD_LIMIT && accepted.max(left) <= MOST_LENGTH {
            true => Ok(Introduction { group, card, accepted, left }),
            false => Err(BadLetter::Field("introduction")),
        }
    }
}
