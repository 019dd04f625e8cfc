//! Connections that must say something soon.
//!
//! The HTTP library waits without a limit for the bytes that tell HTTP/1.1 from HTTP/2, so a client that never speaks would
//! hold a file descriptor for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::io::InspectReader;

/// The first bytes an HTTP/2 client sends; HTTP/1.1 is known by fewer.
const PREFACE_BYTES: usize = 24;

/// What a client has not said yet.
pub(crate) struct Silence {
    heard: Arc<AtomicUsize>,
}

/// Listens to what comes in on a stream.
pub(crate) fn listen<S: AsyncRead + AsyncWrite>(stream: S) -> (InspectReader<S, impl FnMut(&[u8])>, Silence) {
    let heard = Arc::new(AtomicUsize::new(0));
    let counter = heard.clone();
    let listening = InspectReader::new(stream, move |bytes: &[u8]| {
        counter.fetch_add(bytes.len(), Ordering::Relaxed);
    });
    (listening, Silence { heard })
}

impl Silence {
    /// Ends after this time, if the client has not said what it speaks by then. What it says later is the concern of others.
    pub(crate) async fn lasts(self, time: Duration) {
        tokio::time::sleep(time).await;
        if self.heard.load(Ordering::Relaxed) >= PREFACE_BYTES {
            std::future::pending().await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    const WITHIN: Duration = Duration::from_secs(30);

    /// The silence of a client that says this, which is read.
    async fn after(said: &str) -> (Silence, tokio::io::DuplexStream) {
        let (mut client, server) = tokio::io::duplex(64);
        client.write_all(said.as_bytes()).await.expect("written");
        let (mut listening, silence) = listen(server);
        listening.read_exact(&mut vec![0; said.len()]).await.expect("what was said");
        (silence, client)
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_says_nothing_or_half_a_preface_ends() {
        for said in ["", "PRI * HTT"] {
            let (silence, _client) = after(said).await;
            let start = tokio::time::Instant::now();
            tokio::time::timeout(2 * WITHIN, silence.lasts(WITHIN)).await.expect("it ends");
            assert_eq!(start.elapsed(), WITHIN, "{said:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_has_spoken_may_be_silent_for_long() {
        let (silence, _client) = after("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        let silence = tokio::time::timeout(100 * WITHIN, silence.lasts(WITHIN)).await;
        assert!(silence.is_err(), "{silence:?}");
    }
}
