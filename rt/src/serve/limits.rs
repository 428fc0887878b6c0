//! What a client may cost.

use std::time::Duration;

use hyper_util::rt::TokioTimer;
use hyper_util::server::conn::auto::Builder;

use super::streams::Streams;

/// Bounds for the connections of one listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Open connections; more wait in the system's accept queue.
    pub connections: usize,
    /// Time for a TLS handshake.
    pub handshake: Duration,
    /// Time from the opening of a connection, or the end of a response, to the end of the next request's
    /// headers. So it bounds idle HTTP/1.1 connections too.
    pub header_read: Duration,
    /// Bytes of all headers of a request; at least 8 KiB.
    pub header_bytes: u32,
    /// Number of headers of an HTTP/1.1 request.
    pub header_count: usize,
    /// Concurrent streams of one HTTP/2 connection.
    pub http2_streams: u32,
    /// Where those run.
    pub http2_run: Streams,
    /// HTTP/2 PING after this much silence, and as much time again for its answer.
    pub http2_keepalive: Duration,
    /// How long a connection may go on after the soft stage has begun; `None` is until the hard stage.
    /// Set it where streams never end by themselves, such as watches.
    pub drain: Option<Duration>,
}

// === impl Limits ===

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 65_536,
            handshake: Duration::from_secs(10),
            header_read: Duration::from_secs(60),
            header_bytes: 32 * 1024,
            header_count: 100,
            http2_streams: 256,
            http2_run: Streams::Apart,
            http2_keepalive: Duration::from_secs(20),
            drain: None,
        }
    }
}

impl Limits {
    pub(super) fn builder<E>(&self, executor: E) -> Builder<E> {
        // hyper panics below 8 KiB.
        let header_bytes = self.header_bytes.max(8 * 1024);
        let mut builder = Builder::new(executor);
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_read)
            .max_buf_size(usize::try_from(header_bytes).unwrap_or(usize::MAX))
            .max_headers(self.header_count);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(header_bytes)
            .max_concurrent_streams(self.http2_streams)
            .keep_alive_interval(self.http2_keepalive)
            .keep_alive_timeout(self.http2_keepalive);
        builder
    }
}
