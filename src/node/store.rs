//! The store of a relay, whichever it is: a directory of this machine, or a cluster that many nodes
//! share. Both take the same batches, give the same bytes, and forget at the same moments.
//! Specified in poste-protocol(7), Relay.

use crate::core::bucket::{Bucket, Prefix};
use crate::node::buckets::{Buckets, GetError, PutError};
use crate::node::clock::Keeper;
use crate::node::cluster::Cluster;
use crate::node::cluster::listing::Listing;
use crate::node::selection::Selection;
use crate::node::shelf::Batch;
use crate::node::stock::Stock;
use std::num::NonZero;

/// A store. What takes long blocks.
pub enum Store {
    /// See [`Buckets`].
    Dir(Buckets),
    /// See [`Cluster`].
    Cluster(Cluster),
}

/// Cells that were asked for, and where they are.
pub enum Found {
    /// In memory, to be read in place.
    Here(Selection),
    /// In a cluster, to be waited for.
    There(Listing),
}

impl Found {
    /// How many bytes.
    pub fn bytes(&self) -> u64 {
        match self {
            Found::Here(cells) => cells.bytes(),
            Found::There(cells) => cells.bytes(),
        }
    }
}

impl Store {
    /// Stores a batch; how many of its cells were new.
    pub fn put(&self, bucket: Bucket, batch: &Batch) -> Result<usize, PutError> {
        match self {
            Store::Dir(store) => store.put(bucket, batch),
            Store::Cluster(store) => store.put(bucket, batch),
        }
    }

    /// The same, if it can be done without waiting.
    pub fn put_at_hand(&self, bucket: Bucket, batch: &Batch) -> Option<Result<usize, PutError>> {
        match self {
            Store::Dir(store) => store.put_at_hand(bucket, batch),
            Store::Cluster(_) => None,
        }
    }

    /// The cells of a bucket that start with `prefix`, and whether it is closed.
    pub fn get(&self, bucket: Bucket, prefix: Prefix) -> Result<(Found, bool), GetError> {
        Ok(match self {
            Store::Dir(store) => {
                let (cells, closed) = store.get(bucket, prefix)?;
                (Found::Here(cells), closed)
            }
            Store::Cluster(store) => {
                let (cells, closed) = store.get(bucket, prefix)?;
                (Found::There(cells), closed)
            }
        })
    }

    /// How many requests it can be at at a time: more for servers elsewhere, which take their time,
    /// than for memory, where they would only be in each other's way.
    pub fn hands(&self) -> usize {
        match self {
            Store::Dir(_) => 2 * std::thread::available_parallelism().map_or(1, NonZero::get),
            Store::Cluster(_) => 256,
        }
    }

    /// The cells of a bucket that can be given without waiting, if they can; it is closed.
    pub fn at_hand(&self, bucket: Bucket, prefix: Prefix) -> Option<Found> {
        match self {
            Store::Dir(store) => store.at_hand(bucket, prefix).map(Found::Here),
            Store::Cluster(_) => None,
        }
    }

    /// How many cells a bucket holds. Does not block.
    pub fn count(&self, bucket: Bucket) -> usize {
        match self {
            Store::Dir(store) => store.count(bucket),
            Store::Cluster(store) => store.count(bucket),
        }
    }

    /// Does what is due. To be called every second. How many buckets were wiped.
    pub fn chores(&self) -> usize {
        match self {
            Store::Dir(store) => store.chores(),
            Store::Cluster(store) => store.chores(),
        }
    }

    /// The time the buckets go by.
    pub fn keeper(&self) -> &Keeper {
        match self {
            Store::Dir(store) => store.keeper(),
            Store::Cluster(store) => store.keeper(),
        }
    }

    /// What stands under each first digit.
    pub fn stock(&self) -> &Stock {
        match self {
            Store::Dir(store) => store.stock(),
            Store::Cluster(store) => store.stock(),
        }
    }

    /// Bytes in the store, and how many there may be. Does not block.
    pub fn fill(&self) -> (u64, u64) {
        match self {
            Store::Dir(store) => store.fill(),
            Store::Cluster(store) => store.fill(),
        }
    }

    /// Whether it cannot be reached.
    pub fn is_away(&self) -> bool {
        match self {
            Store::Dir(_) => false,
            Store::Cluster(store) => store.is_away(),
        }
    }
}
