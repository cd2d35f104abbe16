//! Reading the body of an upload: never more than the limit, never slower than the pace, so that
//! a connection costs at most one body of memory and one minute.
//! Specified in posted(8), LIMITS.

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The whole body must be there after this time.
pub const WHOLE: Duration = Duration::from_secs(60);
/// For so long a body may be as slow as it likes.
pub const GRACE: Duration = Duration::from_secs(5);
/// From then on it must have come at this many bytes a second on average.
pub const PACE: u64 = 1024;

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// Longer than the limit.
    TooLarge,
    /// Slower than [`WHOLE`] or [`PACE`] allow.
    TooSlow,
    /// The connection broke, or the transfer coding was malformed.
    Broken,
}

/// Reads all of `body`, at most `limit` bytes.
pub async fn read<B>(body: &mut B, limit: usize) -> Result<Vec<u8>, ReadError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let announced = body.size_hint().lower();
    if announced > limit as u64 {
        return Err(ReadError::TooLarge);
    }
    let mut bytes: Vec<u8> = Vec::new();
    let began = Instant::now();
    while let Some(data) = piece(body, began, bytes.len() as u64).await? {
        if data.len() > limit - bytes.len() {
            return Err(ReadError::TooLarge);
        }
        let all = bytes.len() + data.len();
        if all > bytes.capacity() {
            // Room is made as the bytes come, not as they are promised: never four times as much.
            let room = (4 * all).min(announced as usize).max(all);
            bytes.reserve_exact(room - bytes.len());
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// Reads on and forgets, so that a client that is still sending gets to see its refusal instead
/// of a broken connection. At most `limit` bytes, for at most [`GRACE`]. Whether that was all.
pub async fn drain<B>(body: &mut B, limit: usize) -> bool
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut left = limit;
    let end = Instant::now() + GRACE;
    loop {
        match timeout_at(end, body.frame()).await {
            Ok(None) => return true,
            Ok(Some(Ok(frame))) => match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                Some(rest) => left = rest,
                None => return false,
            },
            Ok(Some(Err(_))) | Err(_) => return false,
        }
    }
}

async fn piece<B>(body: &mut B, began: Instant, so_far: u64) -> Result<Option<Bytes>, ReadError>
where
    B: Body<Data = Bytes> + Unpin,
{
    loop {
        let pace = GRACE + Duration::from_millis(so_far * 1000 / PACE);
        let frame = timeout_at(began + pace.min(WHOLE), body.frame()).await;
        match frame.map_err(|_| ReadError::TooSlow)? {
            None => return Ok(None),
            Some(Err(_)) => return Err(ReadError::Broken),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Full;

    #[tokio::test]
    async fn the_limit_is_exact() {
        let mut body = Full::new(Bytes::from_static(&[1; 100]));
        assert_eq!(read(&mut body, 100).await.unwrap().len(), 100);
        let mut body = Full::new(Bytes::from_static(&[1; 101]));
        assert_eq!(read(&mut body, 100).await, Err(ReadError::TooLarge));
    }
}
