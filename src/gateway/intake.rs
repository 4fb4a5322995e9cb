//! Request bodies, taken in whole before anything is decided about them: what was judged is what leaves, and it leaves with a
//! length that was counted here.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, SizeHint};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Largest body that passes, in bytes.
pub(crate) const BODY_LIMIT: u64 = 256 << 20;

/// Largest body of a request that commits, in bytes. It is held in memory until it is decided about.
pub(crate) const COMMIT_LIMIT: u64 = 4 << 20;

/// Up to this size, in bytes, a body stays in memory. What is larger goes to a temporary file that has no name.
const IN_MEMORY: usize = 1 << 20;

/// How many bodies are in flight at one time; further requests wait.
const AT_ONCE: usize = 16;

/// How much all bodies in flight may have together, in bytes.
const TOGETHER: u64 = 1 << 30;

/// Bytes that are read from a file at a time.
const PIECE: usize = 64 << 10;

/// Why a body was not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// It has more bytes than its limit, or than there is room for.
    TooLarge,
    /// Whoever sent it gave up.
    GaveUp,
}

/// Where bodies are taken in, so many and so much at a time.
#[derive(Debug)]
pub(crate) struct Intake {
    places: Arc<Semaphore>,
    room: Arc<AtomicU64>,
}

impl Default for Intake {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)), room: Arc::new(AtomicU64::new(TOGETHER)) }
    }
}

impl Intake {
    /// Takes in a body of `limit` bytes at most. Trailers are left out.
    ///
    /// # Errors
    ///
    /// [`NotTaken`]; nothing of it is kept.
    pub async fn take<B>(&self, mut body: B, limit: u64) -> Result<TakenIn, NotTaken>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        if body.size_hint().lower() > limit {
            return Err(NotTaken::TooLarge);
        }
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_closed| NotTaken::GaveUp)?;
        let share = Share { room: Arc::clone(&self.room), bytes: 0, _place: place };
        let mut taken = TakenIn { head: BytesMut::new(), file: None, length: 0, share };
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| NotTaken::GaveUp)?;
            if let Ok(piece) = frame.into_data() {
                taken.add(&piece, limit).await?;
            }
        }
        if let Some(file) = &mut taken.file {
            file.flush().await.map_err(nowhere)?;
        }
        Ok(taken)
    }
}

/// A file that cannot be written is as good as no room.
fn nowhere(error: io::Error) -> NotTaken {
    tracing::warn!(%error, "a request's body cannot be kept");
    NotTaken::TooLarge
}

/// What one body takes of the room and the places. Both are free again when it goes.
#[derive(Debug)]
struct Share {
    room: Arc<AtomicU64>,
    bytes: u64,
    _place: OwnedSemaphorePermit,
}

impl Share {
    fn grow(&mut self, more: u64) -> Result<(), NotTaken> {
        let take = |left: u64| left.checked_sub(more);
        self.room.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).map_err(|_| NotTaken::TooLarge)?;
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.room.fetch_add(self.bytes, Ordering::AcqRel);
    }
}

/// A body as it was sent, whole.
#[derive(Debug)]
pub struct TakenIn {
    head: BytesMut,
    file: Option<File>,
    length: u64,
    share: Share,
}

impl TakenIn {
    async fn add(&mut self, piece: &[u8], limit: u64) -> Result<(), NotTaken> {
        let more = piece.len() as u64;
        if self.length + more > limit {
            return Err(NotTaken::TooLarge);
        }
        self.share.grow(more)?;
        self.length += more;
        if self.file.is_none() && self.head.len() + piece.len() <= IN_MEMORY {
            self.head.extend_from_slice(piece);
            return Ok(());
        }
        if self.file.is_none() {
            let mut file = File::from_std(tempfile::tempfile().map_err(nowhere)?);
            file.write_all(&std::mem::take(&mut self.head)).await.map_err(nowhere)?;
            self.file = Some(file);
        }
        match &mut self.file {
            Some(file) => file.write_all(piece).await.map_err(nowhere),
            None => Ok(()),
        }
    }

    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// All of it in memory; nothing when it is longer than `limit`.
    ///
    /// # Errors
    ///
    /// When its file cannot be read.
    pub async fn bytes(&mut self, limit: u64) -> io::Result<Option<Bytes>> {
        if self.length > limit {
            return Ok(None);
        }
        let Some(file) = &mut self.file else { return Ok(Some(self.head.clone().freeze())) };
        file.rewind().await?;
        let mut all = Vec::with_capacity(usize::try_from(self.length).unwrap_or_default());
        file.take(self.length).read_to_end(&mut all).await?;
        Ok(Some(all.into()))
    }

    /// It, piece by piece, from its beginning.
    ///
    /// # Errors
    ///
    /// When its file cannot be read.
    pub async fn pieces(self) -> io::Result<Leaving> {
        let Self { head, file, length, share } = self;
        let file = match file {
            Some(mut file) => {
                file.rewind().await?;
                Some(file)
            }
            None => None,
        };
        Ok(Leaving { head: head.freeze(), file, left: length, _share: share })
    }

    /// A second reader of the same bytes.
    ///
    /// # Errors
    ///
    /// When its file cannot be read.
    pub async fn read(&mut self) -> io::Result<impl AsyncRead + Send + Unpin + '_> {
        if let Some(file) = &mut self.file {
            file.rewind().await?;
        }
        Ok(match &mut self.file {
            Some(file) => Reading::File(file.take(self.length)),
            None => Reading::Memory(&self.head),
        })
    }
}

enum Reading<'a> {
    Memory(&'a [u8]),
    File(tokio::io::Take<&'a mut File>),
}

impl AsyncRead for Reading<'_> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Memory(rest) => Pin::new(rest).poll_read(context, into),
            Self::File(file) => Pin::new(file).poll_read(context, into),
        }
    }
}

/// A body on its way to the portal, with the length that was counted.
pub struct Leaving {
    head: Bytes,
    file: Option<File>,
    left: u64,
    _share: Share,
}

impl Body for Leaving {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let Some(file) = &mut self.file else {
            self.left = 0;
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.head)))));
        };
        let mut piece = vec![0; PIECE];
        let mut into = ReadBuf::new(&mut piece);
        ready!(Pin::new(file).poll_read(context, &mut into))?;
        let read = into.filled().len();
        if read == 0 {
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        piece.truncate(read);
        self.left = self.left.saturating_sub(read as u64);
        Poll::Ready(Some(Ok(Frame::data(piece.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    async fn taken(bytes: &[u8], limit: u64) -> Result<TakenIn, NotTaken> {
        Intake::default().take(Full::new(Bytes::copy_from_slice(bytes)), limit).await
    }

    #[tokio::test]
    async fn a_body_leaves_as_it_was_taken_in_from_memory_and_from_a_file() {
        for length in [0, 1, IN_MEMORY, IN_MEMORY + 1, 3 * IN_MEMORY] {
            let bytes: Vec<u8> = (0..length).map(|place| (place % 251) as u8).collect();
            let mut body = taken(&bytes, BODY_LIMIT).await.unwrap();
            assert_eq!(body.length(), length as u64);
            assert_eq!(body.bytes(BODY_LIMIT).await.unwrap().unwrap(), bytes);
            let mut read = Vec::new();
            body.read().await.unwrap().read_to_end(&mut read).await.unwrap();
            assert!(read == bytes);
            let leaving = body.pieces().await.unwrap();
            assert_eq!(leaving.size_hint().exact(), Some(length as u64));
            assert!(leaving.collect().await.unwrap().to_bytes() == bytes);
        }
    }

    #[tokio::test]
    async fn a_body_over_its_limit_is_not_taken_in() {
        assert_eq!(taken(b"12345", 4).await.unwrap_err(), NotTaken::TooLarge);
        let mut body = taken(b"12345", 5).await.unwrap();
        assert_eq!(body.bytes(4).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_in_flight_together_is_bounded_and_given_back() {
        let intake = Intake { room: Arc::new(AtomicU64::new(8)), ..Intake::default() };
        let body = || Full::new(Bytes::from_static(b"12345"));
        let first = intake.take(body(), 99).await.unwrap();
        assert_eq!(intake.take(body(), 99).await.unwrap_err(), NotTaken::TooLarge);
        drop(first);
        assert!(intake.take(body(), 99).await.is_ok());
    }
}
