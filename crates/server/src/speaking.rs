//! A connection that must say something soon.
//!
//! The HTTP library waits without a limit for the bytes that tell HTTP/1.1 from HTTP/2, so a client that never speaks would
//! hold a file descriptor for ever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// The first bytes an HTTP/2 client sends; HTTP/1.1 is known by fewer.
const PREFACE_BYTES: usize = 24;

/// A stream whose first bytes must come within a time. Later ones are the concern of others.
pub(crate) struct Speaking<S> {
    stream: S,
    /// The first bytes still to come, and until when; none once they have come.
    silent: Option<(usize, Pin<Box<Sleep>>)>,
}

impl<S> Speaking<S> {
    pub(crate) fn new(stream: S, within: Duration) -> Self {
        Self { stream, silent: Some((PREFACE_BYTES, Box::pin(tokio::time::sleep(within)))) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Speaking<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let Some((missing, end)) = &mut self.silent else { return read };
        match read {
            Poll::Ready(result) => {
                *missing = missing.saturating_sub(buffer.filled().len() - before);
                if *missing == 0 {
                    self.silent = None;
                }
                Poll::Ready(result)
            }
            Poll::Pending => end.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into())),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Speaking<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    const WITHIN: Duration = Duration::from_secs(30);

    async fn read(stream: &mut Speaking<tokio::io::DuplexStream>) -> io::Result<usize> {
        stream.read(&mut [0; 64]).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_says_nothing_or_half_a_preface_ends() {
        for said in ["", "PRI * HTT"] {
            let (mut client, server) = tokio::io::duplex(64);
            client.write_all(said.as_bytes()).await.expect("written");
            let mut server = Speaking::new(server, WITHIN);
            let start = tokio::time::Instant::now();
            if !said.is_empty() {
                assert_eq!(read(&mut server).await.expect("what was said"), said.len());
            }
            let ended = read(&mut server).await.expect_err("nothing more comes");
            assert_eq!((ended.kind(), start.elapsed().as_secs()), (io::ErrorKind::TimedOut, 30));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_has_spoken_may_be_silent_for_long() {
        let (mut client, server) = tokio::io::duplex(64);
        let mut server = Speaking::new(server, WITHIN);
        client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.expect("written");
        assert_eq!(read(&mut server).await.expect("the preface"), PREFACE_BYTES);
        let silence = tokio::time::timeout(100 * WITHIN, read(&mut server)).await;
        assert!(silence.is_err(), "{silence:?}");
    }
}
