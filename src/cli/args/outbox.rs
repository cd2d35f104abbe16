//! What can be typed after `outbox`. Specified in poste(1), outbox.

use clap::Subcommand;

/// `outbox …`.
#[derive(Debug, Subcommand)]
pub enum OutboxAction {
    /// Take a letter out of the outbox
    Drop {
        /// The beginning of its id
        id: String,
    },
}
