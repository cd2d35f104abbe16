//! What can be typed after `group`. Names of people and groups are petnames; an invitation has none
//! yet. Specified in poste(1), Groups.

use crate::store::petname::Petname;
use clap::Subcommand;

/// `group …`.
#[derive(Debug, Subcommand)]
pub enum GroupAction {
    /// Found a group, and ask people in
    New {
        /// What to call it
        group: Petname,
        /// Whom to ask in
        #[arg(value_name = "MEMBER")]
        members: Vec<Petname>,
    },
    /// Ask people in
    Add {
        /// Into which group
        group: Petname,
        /// Whom
        #[arg(required = true, value_name = "MEMBER")]
        members: Vec<Petname>,
    },
    /// Take people out
    Remove {
        /// Of which group
        group: Petname,
        /// Whom
        #[arg(required = true, value_name = "MEMBER")]
        members: Vec<Petname>,
    },
    /// Let members ask people in and take them out too
    Keeper {
        /// Do not let them any more
        #[arg(long)]
        remove: bool,
        /// In which group
        group: Petname,
        /// Whom
        #[arg(required = true, value_name = "MEMBER")]
        members: Vec<Petname>,
    },
    /// Leave a group, or decline an invitation
    Leave {
        /// The group, or the beginning of an invitation's id
        group: String,
    },
    /// Give a group another title for all
    Rename {
        /// Which group
        group: Petname,
        /// The title
        title: String,
    },
}
