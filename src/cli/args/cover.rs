//! What can be typed after `cover`.

use clap::ValueEnum;

/// `cover …`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CoverAction {
    /// Take no part
    Off,
    /// Take part
    On,
    /// Say how things stand
    Status,
}
