//! The accept loop.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use super::connection::Listener;
use super::{Connection, Server};
use crate::task::{BoxError, Kind, Supervisor};

/// Pause after an error of accept that is not about one connection, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) fn start<M, S, B>(server: Server, make: M, supervisor: &Supervisor) -> io::Result<()>
where
    M: Fn(Connection) -> S + Send + Sync + 'static,
    S: hyper::service::Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let socket = Arc::new(TcpListener::from_std(server.listener)?);
    let listener = Arc::new(Listener {
        name: server.name,
        local: socket.local_addr()?,
        tls: server.tls.map(TlsAcceptor::from),
        supervisor: supervisor.clone(),
        limits: server.limits,
        make,
    });
    let accepting = supervisor.clone();
    supervisor.spawn(server.name, Kind::Critical, move || accept(socket.clone(), listener.clone(), accepting.clone()));
    Ok(())
}

async fn accept<M, S, B>(socket: Arc<TcpListener>, listener: Arc<Listener<M>>, supervisor: Supervisor)
where
    M: Fn(Connection) -> S + Send + Sync + 'static,
    S: hyper::service::Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let shutdown = supervisor.shutdown();
    let most = listener.limits.connections.min(Semaphore::MAX_PERMITS);
    let slots = Arc::new(Semaphore::new(most));
    // The slot comes before the connection: at the limit, clients wait in the system's queue.
    while let Some(slot) = shutdown.until_soft(slots.clone().acquire_owned()).await {
        match shutdown.until_soft(socket.accept()).await {
            None => return,
            Some(Ok((stream, remote))) => {
                let life = listener.clone().connected(stream, remote, shutdown.child());
                supervisor.track(listener.name, async move {
                    life.await;
                    drop(slot);
                });
            }
            Some(Err(error)) if is_of_one_connection(&error) => {}
            Some(Err(error)) => {
                tracing::error!(listener = listener.name, %error, "connections cannot be accepted");
                shutdown.until_soft(tokio::time::sleep(PAUSE)).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
