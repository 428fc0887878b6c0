//! A small HTTP/1.1 client for what is not a proxied request: plugins that ask another server, loggers, registries.
//!
//! ```ignore
//! let request = http::Request::get("https://auth.example/check").body(Bytes::new())?;
//! let response = client.request(request, &Options { read: Duration::from_secs(3), ..Options::default() }).await?;
//! ```
//! It works on the threads of workers and on the configuration thread alike: the future that waits for the response
//! drives the connection too, so nothing is spawned, and idle connections stay on the thread that used them last.
//! Redirects are not followed.

use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderValue};
use http::uri::{PathAndQuery, Scheme};
use http::{Request, Response, Uri};
use tokio::time::timeout;

use crate::upstream::connect::{ClientTls, Connector};
use crate::upstream::dns::Dns;
use crate::upstream::error::Failure;

mod body;
mod connection;
mod pool;

pub use body::Body;

use connection::{Connection, SendError};
use pool::Key;

/// The client; clones share names and TLS settings.
#[derive(Debug, Clone)]
pub struct Client {
    dns: Dns,
    connector: Connector,
}

/// How a request is made.
#[derive(Debug, Clone)]
pub struct Options {
    /// Longest time for a connection, with its name and its TLS handshake.
    pub connect: Duration,
    /// Longest time from the connection to the head of the response, and between two pieces of its body.
    pub read: Duration,
    /// Whom an `https` server must be known to.
    pub trust: Trust,
    /// How idle connections are kept; `None`: not at all.
    pub keepalive: Option<Keepalive>,
    /// Most bytes of a body that [`Client::request`] collects.
    pub max_body: usize,
}

/// Whether and how a server's certificate is verified.
#[derive(Debug, Clone, Default)]
pub enum Trust {
    /// By the authorities of `tls.trusted_ca`, or the system's.
    #[default]
    Usual,
    /// Not at all.
    Anyone,
    /// By these settings, which may show a certificate of ours too.
    Own(ClientTls),
}

/// How idle connections are kept.
#[derive(Debug, Clone, Copy)]
pub struct Keepalive {
    /// How many per server and thread.
    pub size: usize,
    /// For how long.
    pub idle: Duration,
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not `http://host…` or `https://host…`.
    #[error("{0} is not the address of an HTTP server")]
    Address(Uri),
    /// Nobody takes the connection, or not in time.
    #[error("the server cannot be reached")]
    Connect(#[source] Failure),
    /// The connection broke off, or what came over it is not HTTP.
    #[error("the server broke off")]
    Broken(#[source] hyper::Error),
    /// No response, or none of its next bytes, in time.
    #[error("the server's answer took too long")]
    Late,
    /// More than [`Options::max_body`].
    #[error("the server's answer is larger than {0} bytes")]
    TooLarge(usize),
}

// === impl Options ===

impl Default for Options {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            read: Duration::from_secs(30),
            trust: Trust::Usual,
            keepalive: Some(Keepalive { size: 5, idle: Duration::from_secs(60) }),
            max_body: 64 * 1024 * 1024,
        }
    }
}

// === impl Client ===

impl Client {
    /// With the names and the TLS settings of upstreams.
    #[must_use]
    pub fn new(dns: Dns, connector: Connector) -> Self {
        Self { dns, connector }
    }

    /// Sends a request with an absolute URI and collects the response. `Host` and `Content-Length` are set.
    pub async fn request(&self, request: Request<Bytes>, options: &Options) -> Result<Response<Bytes>, Error> {
        let (parts, body) = self.open(request, options).await?.into_parts();
        Ok(Response::from_parts(parts, body.collect(options.max_body).await?))
    }

    /// The same up to the head of the response; its body is read piece by piece.
    pub async fn open(&self, mut request: Request<Bytes>, options: &Options) -> Result<Response<Body>, Error> {
        let key = self.address(&mut request, options)?;
        let mut request = request.map(http_body_util::Full::new);
        loop {
            let pooled = pool::take(&key);
            let reused = pooled.is_some();
            let mut connection = match pooled {
                Some(connection) => connection,
                None => Box::pin(self.connect(&key, options.connect)).await?,
            };
            let sent = timeout(options.read, connection.send(request)).await.map_err(|_| Error::Late)?;
            match sent {
                Ok(response) => {
                    let home = options.keepalive.map(|keepalive| (key, keepalive));
                    return Ok(response.map(|incoming| Body::new(incoming, connection, home, options.read)));
                }
                // The server had closed it; there may be more such connections.
                Err(SendError::Unsent(whole, _)) if reused => request = *whole,
                Err(SendError::Unsent(_, error) | SendError::Failed(error)) => return Err(Error::Broken(error)),
            }
        }
    }

    /// Takes the server out of the URI.
    fn address(&self, request: &mut Request<Bytes>, options: &Options) -> Result<Key, Error> {
        let wrong = |uri: &Uri| Error::Address(uri.clone());
        let uri = request.uri().clone();
        let authority = uri.authority().ok_or_else(|| wrong(&uri))?;
        let tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => Some(self.tls(&options.trust)?),
            Some(scheme) if *scheme == Scheme::HTTP => None,
            _ => return Err(wrong(&uri)),
        };
        let host = authority.host().trim_matches(['[', ']']).into();
        let usual = if tls.is_some() { 443 } else { 80 };
        let port = authority.port_u16().unwrap_or(usual);
        // What stands before an @ is not for the server.
        let shown = if port == usual { authority.host().to_owned() } else { format!("{}:{port}", authority.host()) };
        let shown = HeaderValue::try_from(shown).map_err(|_| wrong(&uri))?;
        request.headers_mut().entry(HOST).or_insert(shown);
        let target = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        *request.uri_mut() = target.into();
        Ok(Key { host, port, tls })
    }

    fn tls(&self, trust: &Trust) -> Result<ClientTls, Error> {
        match trust {
            Trust::Usual => self.connector.verified().map_err(Error::Connect),
            Trust::Anyone => Ok(self.connector.unverified()),
            Trust::Own(tls) => Ok(tls.clone()),
        }
    }

    /// A fresh connection, to the first address of the name that takes one.
    async fn connect(&self, key: &Key, bound: Duration) -> Result<Box<Connection>, Error> {
        let connecting = async {
            let addresses = match key.host.parse() {
                Ok(address) => vec![address],
                Err(_) => {
                    let resolved = self.dns.lookup(&key.host).await.map_err(Failure::Resolve)?;
                    resolved.rotated().collect()
                }
            };
            let mut last = Failure::Resolve("no address".to_owned());
            for address in addresses {
                let tls = key.tls.as_ref().map(|tls| (tls, &*key.host));
                match self.connector.open((address, key.port).into(), tls).await {
                    Ok(stream) => return Connection::new(stream).await.map(Box::new),
                    Err(failure) => last = failure,
                }
            }
            Err(last)
        };
        timeout(bound, connecting).await.unwrap_or(Err(Failure::ConnectTimeout)).map_err(Error::Connect)
    }
}

#[cfg(test)]
mod tests;
