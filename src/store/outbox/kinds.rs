//! What the state of a letter in the outbox says beside the letter itself: of which mail to a group
//! it is a copy, what it says of a group, the enclosure that it is the head of, how it ended, and
//! where it went. Specified in poste-files(5), Outbox.

use crate::core::keys::{EnclosureId, Fingerprint, GroupId};
use crate::core::time::Time;
use serde::{Deserialize, Serialize};

/// Of which letter to a group an item is one copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Copied {
    /// The group.
    pub id: GroupId,
    /// The version of the own register at the time.
    pub version: u64,
    /// By what members compare their copies, in base64.
    pub hash: String,
    /// The members but oneself; in the item with which the own copy is filed alone, and its
    /// addressee first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<Fingerprint>,
}

/// What a letter without a mail says of a group. It is made anew at each attempt from what is known
/// then.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Errand {
    /// One's own register, of this version or a later one.
    Statement {
        /// Of which group.
        group: GroupId,
        /// Of which version at least.
        version: u64,
    },
    /// The card of one of the group.
    Introduction {
        /// Of which group.
        group: GroupId,
        /// Whose.
        who: Fingerprint,
    },
}

impl Errand {
    /// Of which group it speaks.
    pub fn group(&self) -> GroupId {
        match self {
            Errand::Statement { group, .. } | Errand::Introduction { group, .. } => *group,
        }
    }
}

/// A letter given up. Its mail stays until it is forgotten, or acknowledged after all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expired {
    /// When.
    pub at: Time,
    /// Name of the report in the inbox.
    pub report: String,
    /// Whether the report was filed.
    #[serde(default)]
    pub filed: bool,
}

/// The enclosure whose head a letter is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enclosed {
    /// The id in its cells.
    pub id: EnclosureId,
    /// How many cells it has.
    pub cells: u16,
    /// SHA-256 of the age file, in base64.
    pub sha256: String,
    /// When the newest want came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<Time>,
    /// Cells that a node took at least once.
    #[serde(default)]
    pub posted: u16,
}

/// A letter posted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// When.
    pub at: Time,
    /// Into which bucket.
    pub bucket: String,
    /// At which node.
    pub node: String,
}

/// Where a letter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Safe with the addressee.
    Acknowledged,
    /// Taken back, as its addressee was removed from the group.
    Dropped,
    /// Not acknowledged within 30 days and given up for good: it is not repeated any more.
    Expired,
    /// Some cells of an enclosure were asked for, and a node took them.
    Partly,
    /// A node took it at least once.
    Posted,
    /// It has not left yet.
    Queued,
}
