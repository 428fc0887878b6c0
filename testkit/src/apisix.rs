//! A client of etcd's JSON gateway that behaves on the wire as the data plane of Apache APISIX 3.18 does.
//!
//! HTTP/1.1 without Content-Type; head and body in segments of their own; no ALPN; what the command line does at start goes over a
//! connection of its own each, what the workers do over pooled ones, where a range may be followed by a watch. A watch that hears
//! nothing for a while is given up by closing the connection, and opened anew from where it was.

use std::io;
use std::time::Duration;

use tokio::time::timeout;

use crate::raw::{Connection, Head, Target};

/// The directories that the start of APISIX marks.
pub const DIRECTORIES: [&str; 13] = [
    "upstreams",
    "plugins",
    "ssls",
    "stream_routes",
    "plugin_metadata",
    "routes",
    "services",
    "consumers",
    "global_rules",
    "protos",
    "plugin_configs",
    "consumer_groups",
    "secrets",
];

/// An APISIX process.
pub struct Apisix {
    target: Target,
    pool: Vec<Connection>,
    idle: Duration,
    token: Option<String>,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// Status and headers.
    pub head: Head,
    /// The body.
    pub body: String,
}

/// An open watch.
pub struct Watch {
    connection: Connection,
    /// Status and headers of the answer.
    pub head: Head,
    start: i64,
    idle: Duration,
}

/// What a watch heard.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// A chunk of the body, which must be whole lines.
    Chunk(String),
    /// Nothing for the time that APISIX waits (50 s there).
    Idle,
    /// The end of the body.
    End,
}

// === impl Apisix ===

impl Apisix {
    /// A process that gives a silent watch up after `idle`.
    pub fn new(target: Target, idle: Duration) -> Self {
        Self { target, pool: Vec::new(), idle, token: None }
    }

    /// Puts a token into the requests from now on, raw, as APISIX does.
    pub fn authorize(&mut self, token: &str) {
        self.token = Some(token.to_owned());
    }

    /// What the command line asks first.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn version(&self) -> io::Result<Reply> {
        let host = self.target.authority();
        let request = format!(
            "GET /version HTTP/1.1\r\nTE: trailers\r\nHost: {host}\r\nConnection: close, TE\r\nUser-Agent: LuaSocket 3.0.0\r\n\r\n"
        );
        let mut connection = Connection::open(&self.target).await?;
        connection.send(request.as_bytes()).await?;
        Reply::read(&mut connection).await
    }

    /// A request of the command line, on a connection that ends with it.
    ///
    /// # Errors
    /// When no answer comes, or the connection stays open.
    pub async fn once(&self, path: &str, body: &str) -> io::Result<Reply> {
        let (host, length) = (self.target.authority(), body.len());
        let head = format!(
            "POST {path} HTTP/1.1\r\nTE: trailers\r\nHost: {host}\r\nConnection: close, TE\r\nUser-Agent: LuaSocket 3.0.0\r\nContent-Length: {length}\r\n\r\n"
        );
        let mut connection = Connection::open(&self.target).await?;
        connection.send(head.as_bytes()).await?;
        connection.send(body.as_bytes()).await?;
        let reply = Reply::read(&mut connection).await?;
        match connection.more().await {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(reply),
            other => Err(io::Error::other(format!("the connection goes on: {other:?}"))),
        }
    }

    /// A request of a worker, on a pooled connection.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn post(&mut self, path: &str, body: &str) -> io::Result<Reply> {
        let mut connection = self.take().await?;
        self.request(&mut connection, path, body).await?;
        let reply = Reply::read(&mut connection).await?;
        self.pool.push(connection);
        Ok(reply)
    }

    /// Opens a watch of `/apisix/`, on a pooled connection if there is one.
    ///
    /// # Errors
    /// When the head of the answer does not come.
    pub async fn watch(&mut self, start: i64) -> io::Result<Watch> {
        let mut connection = self.take().await?;
        let body = format!(
            "{{\"create_request\":{{\"start_revision\":{start},\"key\":\"L2FwaXNpeC8=\",\"range_end\":\"L2FwaXNpeDA=\"}}}}"
        );
        self.request(&mut connection, "/v3/watch", &body).await?;
        let head = connection.head().await?;
        Ok(Watch { connection, head, start, idle: self.idle })
    }

    /// Gives a watch up by closing its connection, and opens it again from the same revision.
    ///
    /// # Errors
    /// As [`Apisix::watch`].
    pub async fn watch_again(&mut self, watch: Watch) -> io::Result<Watch> {
        let start = watch.start;
        drop(watch);
        self.watch(start).await
    }

    /// Connections that wait to be used again.
    pub fn pooled(&self) -> usize {
        self.pool.len()
    }

    async fn take(&mut self) -> io::Result<Connection> {
        match self.pool.pop() {
            Some(connection) => Ok(connection),
            None => Connection::open(&self.target).await,
        }
    }

    async fn request(&self, connection: &mut Connection, path: &str, body: &str) -> io::Result<()> {
        let (host, length) = (self.target.authority(), body.len());
        let token = self.token.as_ref().map(|token| format!("Authorization: {token}\r\n")).unwrap_or_default();
        let head = format!(
            "POST {path} HTTP/1.1\r\nContent-Length: {length}\r\nHost: {host}\r\nUser-Agent: lua-resty-http/0.16.1 (Lua) ngx_lua/10031\r\n{token}\r\n"
        );
        connection.send(head.as_bytes()).await?;
        connection.send(body.as_bytes()).await
    }
}

// === impl Reply ===

impl Reply {
    async fn read(connection: &mut Connection) -> io::Result<Self> {
        let head = connection.head().await?;
        let body = connection.body(&head).await?;
        Ok(Self { head, body: String::from_utf8(body).map_err(io::Error::other)? })
    }
}

// === impl Watch ===

impl Watch {
    /// What comes next.
    ///
    /// # Errors
    /// When the connection ends in the middle.
    pub async fn next(&mut self) -> io::Result<Heard> {
        match timeout(self.idle, self.connection.chunk()).await {
            Err(_) => Ok(Heard::Idle),
            Ok(chunk) => Ok(match chunk? {
                Some(chunk) => Heard::Chunk(String::from_utf8(chunk).map_err(io::Error::other)?),
                None => Heard::End,
            }),
        }
    }
}
