//! The receiving side of a connection: a buffer that is small while the peer is idle, and the packets in it.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::codec::{Broken, Inbound, Wire};

const IDLE_BUFFER_BYTES: usize = 512;
const BUSY_BUFFER_BYTES: usize = 16 * 1024;

pub(crate) struct Reader<R> {
    stream: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    pub(crate) fn new(stream: R) -> Self {
        Self { stream, buffer: vec![0; IDLE_BUFFER_BYTES], start: 0, end: 0 }
    }

    /// The next packet of what has been received; `None` when more must be.
    pub(crate) fn next(&mut self, wire: &mut Wire) -> Result<Option<Inbound>, Broken> {
        loop {
            let received = self.buffer.get(self.start..self.end).unwrap_or_default();
            if received.is_empty() {
                return Ok(None);
            }
            let (taken, packet) = wire.decode(received);
            self.start += taken;
            if let Some(packet) = packet? {
                return Ok(Some(packet));
            }
        }
    }

    /// Whether all that was received has been decoded.
    pub(crate) fn is_empty(&self) -> bool {
        self.start >= self.end
    }

    /// Receives more, when all that was received has been decoded; says how many bytes. May be cancelled without loss.
    pub(crate) async fn fill(&mut self) -> io::Result<usize> {
        let received = self.end;
        if received == self.buffer.len() && received < BUSY_BUFFER_BYTES {
            self.buffer = vec![0; BUSY_BUFFER_BYTES];
        } else if received < IDLE_BUFFER_BYTES && self.buffer.len() > IDLE_BUFFER_BYTES {
            self.buffer = vec![0; IDLE_BUFFER_BYTES];
        }
        (self.start, self.end) = (0, 0);
        match self.stream.read(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            received => {
                self.end = received;
                Ok(received)
            }
        }
    }
}
