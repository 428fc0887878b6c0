//! HTTP/1.1 by hand over a socket, for tests that care for segments, chunks and what stands on the wire.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Longest wait for what must come.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Where to connect to.
#[derive(Clone, Debug)]
pub struct Target {
    /// The server.
    pub address: SocketAddr,
    /// Its name, for TLS and the header `Host`.
    pub host: String,
    /// Without it, no TLS.
    pub tls: Option<Arc<rustls::ClientConfig>>,
}

/// One connection.
pub struct Connection {
    stream: Box<dyn Stream>,
    read: Vec<u8>,
}

/// A socket, with or without TLS.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Status line and headers of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
}

// === impl Target ===

impl Target {
    /// Host and port as they stand in a request.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.address.port())
    }
}

// === impl Head ===

impl Head {
    /// The value of a header, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the body comes in chunks.
    pub fn chunked(&self) -> bool {
        self.header("transfer-encoding") == Some("chunked")
    }
}

// === impl Connection ===

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When the server can't be reached or refuses the handshake.
    pub async fn open(target: &Target) -> io::Result<Self> {
        let tcp = TcpStream::connect(target.address).await?;
        tcp.set_nodelay(true)?;
        let stream: Box<dyn Stream> = match &target.tls {
            None => Box::new(tcp),
            Some(config) => {
                let name = ServerName::try_from(target.host.clone()).map_err(io::Error::other)?;
                Box::new(TlsConnector::from(config.clone()).connect(name, tcp).await?)
            }
        };
        Ok(Self { stream, read: Vec::new() })
    }

    /// Sends bytes, as a segment of their own.
    ///
    /// # Errors
    /// When the other side is gone.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Says that nothing more comes.
    ///
    /// # Errors
    /// When the other side is gone.
    pub async fn shut(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    /// Reads the head of an answer.
    ///
    /// # Errors
    /// When none comes.
    pub async fn head(&mut self) -> io::Result<Head> {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            self.more().await?;
        };
        let text = String::from_utf8_lossy(&self.read[..end]).into_owned();
        self.read.drain(..end + 4);
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        Ok(Head { status: status.ok_or_else(|| io::Error::other(format!("no status line: {text}")))?, headers })
    }

    /// Reads the next chunk; `None` at the end of the body. Who gives up waiting for it may ask again.
    ///
    /// # Errors
    /// When the connection ends before.
    pub async fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let end = loop {
            if let Some(at) = self.read.windows(2).position(|window| window == b"\r\n") {
                break at;
            }
            self.more().await?;
        };
        let size = String::from_utf8_lossy(&self.read[..end]).into_owned();
        let size = usize::from_str_radix(&size, 16).map_err(|_| io::Error::other(format!("no chunk: {size}")))?;
        if size == 0 {
            self.read.drain(..end + 2);
            // Trailers end with an empty line.
            loop {
                let end = loop {
                    if let Some(at) = self.read.windows(2).position(|window| window == b"\r\n") {
                        break at;
                    }
                    self.more().await?;
                };
                self.read.drain(..end + 2);
                if end == 0 {
                    return Ok(None);
                }
            }
        }
        let start = end + 2;
        while self.read.len() < start + size + 2 {
            self.more().await?;
        }
        let chunk = self.read[start..start + size].to_vec();
        self.read.drain(..start + size + 2);
        Ok(Some(chunk))
    }

    /// Reads the body that goes with a head.
    ///
    /// # Errors
    /// When the connection ends before.
    pub async fn body(&mut self, head: &Head) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if head.chunked() {
            while let Some(chunk) = self.chunk().await? {
                body.extend(chunk);
            }
            return Ok(body);
        }
        let length = head.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        while self.read.len() < length {
            self.more().await?;
        }
        body.extend(self.read.drain(..length));
        Ok(body)
    }

    /// Reads something more.
    ///
    /// # Errors
    /// When nothing comes any more.
    pub async fn more(&mut self) -> io::Result<()> {
        let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.read)).await;
        match read.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "nothing came"))?? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}
