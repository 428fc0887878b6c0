//! A TCP connection between a program and its database that a test can cut.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::{TcpListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Passes connections to a unix socket on, unless it is open (as an electric one is: nothing passes).
#[derive(Debug)]
pub struct Switch {
    address: SocketAddr,
    closed: Arc<watch::Sender<bool>>,
    /// Ends with this value.
    _passing: JoinSet<()>,
}

// === impl Switch ===

impl Switch {
    /// Before the server of a URL as [`postgres`](crate::postgres) gives it: `postgres://USER@localhost/DATABASE?host=FOLDER`.
    ///
    /// # Errors
    /// When the URL names no folder, or no port is free.
    pub async fn before_postgres(url: &str) -> anyhow::Result<Self> {
        let folder = url.split_once("host=").map(|(_, rest)| rest.split('&').next().unwrap_or(rest));
        let folder = folder.ok_or_else(|| anyhow::anyhow!("no unix socket in {url}"))?;
        Self::new(Path::new(folder).join(".s.PGSQL.5432")).await
    }

    async fn new(socket: PathBuf) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let closed = Arc::new(watch::Sender::new(true));
        let mut passing = JoinSet::new();
        passing.spawn(pass(listener, socket, closed.clone()));
        Ok(Self { address, closed, _passing: passing })
    }

    /// The URL by which the program reaches the database through the switch.
    ///
    /// # Errors
    /// When `url` is none that [`Switch::before_postgres`] takes.
    pub fn postgres_url(&self, url: &str) -> anyhow::Result<String> {
        let (start, _) = url.split_once('?').ok_or_else(|| anyhow::anyhow!("no unix socket in {url}"))?;
        let start = start.replacen("@localhost/", &format!("@{}/", self.address), 1);
        Ok(format!("{start}?sslmode=disable"))
    }

    /// Cuts all connections where they are, and refuses new ones.
    pub fn cut(&self) {
        self.closed.send_replace(false);
    }

    /// Lets connections pass again.
    pub fn join(&self) {
        self.closed.send_replace(true);
    }
}

async fn pass(listener: TcpListener, socket: PathBuf, closed: Arc<watch::Sender<bool>>) {
    let mut connections = JoinSet::new();
    while let Ok((mut outer, _)) = listener.accept().await {
        let (mut closed, socket) = (closed.subscribe(), socket.clone());
        connections.spawn(async move {
            let passing = async {
                if let Ok(mut inner) = UnixStream::connect(socket).await {
                    // An end of either side is the end of both: what else happened shows there.
                    let _ended = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
                }
            };
            tokio::select! {
                () = passing => {}
                _ = closed.wait_for(|closed| !*closed) => {}
            }
        });
        while connections.try_join_next().is_some() {}
    }
}
