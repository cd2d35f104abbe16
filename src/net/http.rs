//! The relay as a courier: `POST` and `GET` of cells below `/v1/`. Refuses every answer that is
//! not exactly what was asked for: without a length, cut, not whole cells, or with a cell outside
//! the prefix. Posts and fetches go by two wires that share nothing.
//! Format: poste-protocol(7), Relay.

use super::agent::{Ask, Reply, Wire};
use super::error::{Cause, Error, Failure};
use super::{Address, Answer, Courier, Fetched, Heard, Net};
use crate::core::bucket::{Bucket, CELL, Prefix};
use crate::core::random::Random;
use crate::core::time::Time;

/// The most bytes of an answer to a post.
const POST_ANSWER: u64 = 4096;

/// A relay reached over HTTP.
#[derive(Debug)]
pub(super) struct Relay {
    address: Address,
    up: Wire,
    down: Wire,
}

impl Relay {
    /// Prepares both wires; connects to nothing.
    pub fn new(net: &Net, address: &Address, rng: &mut dyn Random) -> Result<Relay, Error> {
        let mut wire =
            || Wire::new(net, address, rng).map_err(|cause| cause.at(address, "opening"));
        Ok(Relay { up: wire()?, down: wire()?, address: address.clone() })
    }

    fn post_cells(&self, bucket: Bucket, cells: &[u8]) -> Result<Heard, Failure> {
        if cells.is_empty() || !cells.len().is_multiple_of(CELL) {
            return Err(Cause::NotCells.into());
        }
        let uri = format!("{}/v1/{bucket}", self.address);
        let reply = self.up.ask(Ask::Post(cells), &uri, POST_ANSWER)?;
        if reply.status != 200 {
            return Err(reply.failure());
        }
        let heard = reply.heard;
        reply.drain();
        Ok(heard)
    }

    fn fetch_cells(
        &self,
        bucket: Bucket,
        prefix: Prefix,
        limit: u64,
    ) -> Result<Answer<Fetched>, Failure> {
        let uri = format!("{}/v1/{bucket}/{prefix}", self.address);
        let reply = self.down.ask(Ask::Get, &uri, limit)?;
        let heard = reply.heard;
        let body = match reply.status {
            200 => Fetched::Cells(read_cells(reply, prefix, limit)?),
            404 | 410 => {
                let wiped = reply.status == 410;
                reply.drain();
                if wiped { Fetched::Wiped } else { Fetched::NotYet }
            }
            _ => return Err(reply.failure()),
        };
        Ok(Answer { body, heard })
    }
}

impl Courier for Relay {
    fn post(&self, bucket: Bucket, cells: &[u8]) -> Result<Heard, Error> {
        self.post_cells(bucket, cells)
            .map_err(|failure| failure.at(&self.address, format!("posting to {bucket}")))
    }

    fn fetch(&self, bucket: Bucket, prefix: Prefix, limit: u64) -> Result<Answer<Fetched>, Error> {
        self.fetch_cells(bucket, prefix, limit)
            .map_err(|failure| failure.at(&self.address, format!("fetching {bucket}")))
    }

    fn tidy(&self, _now: Time) -> Result<(), Error> {
        Ok(())
    }
}

fn read_cells(reply: Reply, prefix: Prefix, limit: u64) -> Result<Vec<u8>, Failure> {
    let heard = reply.heard;
    let fail = |why: &str| Failure { cause: Cause::broken(why), heard };
    let length = reply.length.ok_or_else(|| fail("the answer has no length"))?;
    if length > limit {
        return Err(Failure { cause: Cause::TooLong { limit }, heard });
    }
    if !length.is_multiple_of(CELL as u64) {
        return Err(fail("the answer is not a whole number of cells"));
    }
    // Each cell is looked at once, as soon as it is whole: a node that sends what was not asked
    // for is not listened to for longer than that.
    let mut seen = 0;
    reply.read(limit, |all| {
        for cell in all[seen..].chunks_exact(CELL) {
            if !prefix.matches(cell) {
                return Err(Cause::broken("the answer has cells outside the prefix asked for"));
            }
            seen += CELL;
        }
        Ok(())
    })
}
