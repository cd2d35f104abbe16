//! The buffers in which an answer reads cells: each is used again when what was in it has left, so
//! that a long download neither clears memory nor asks the system for any. Two are enough, since
//! the next piece is read when the one before has been handed to the connection.
//! Used by `answer`.

use hyper::body::Bytes;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Buffers at rest.
#[derive(Clone, Default)]
pub struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

/// One that is under way, with the part of it that is used.
struct Lent {
    buffer: Vec<u8>,
    length: usize,
    home: Buffers,
}

impl Buffers {
    /// `length` bytes that `read` fills in.
    pub fn piece(
        &self,
        length: usize,
        read: impl FnOnce(&mut [u8]) -> io::Result<()>,
    ) -> io::Result<Bytes> {
        let buffer = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut buffer = buffer.unwrap_or_default();
        if buffer.len() < length {
            buffer.resize(length, 0);
        }
        read(&mut buffer[..length])?;
        Ok(Bytes::from_owner(Lent { buffer, length, home: self.clone() }))
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        self.home.0.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_but_not_while_it_is_under_way() {
        let buffers = Buffers::default();
        let piece = |length: usize, with: u8| {
            let fill = |out: &mut [u8]| {
                out.fill(with);
                Ok(())
            };
            buffers.piece(length, fill).unwrap()
        };
        let first = piece(100, 1);
        let at = first.as_ptr();
        let second = piece(100, 2);
        assert_eq!((&first[..], &second[..]), (&[1; 100][..], &[2; 100][..]));
        let tail = first.slice(90..);
        drop(first);
        assert_ne!(piece(50, 3).as_ptr(), at, "a part of it is still under way");
        drop(tail);
        let third = piece(60, 4);
        assert_eq!((third.as_ptr(), &third[..]), (at, &[4; 60][..]));
        assert!(buffers.piece(10, |_| Err(io::ErrorKind::UnexpectedEof.into())).is_err());
    }
}
