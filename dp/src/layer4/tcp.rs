//! TCP ports of stream routes.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsStream;

use super::relay::End;
use super::{Client, Port, Transport, dial, plugin, relay};
use crate::config;
use crate::proxy_protocol;
use crate::stream::Stream;
use crate::tls::{self, Fallback, Purpose};
use crate::worker::Worker;

/// One TCP port of a worker.
#[derive(Debug)]
pub struct Listener {
    /// Its options.
    pub options: config::Tcp,
    /// Certificate for names without one of their own.
    pub fallback: Rc<Fallback>,
    /// Its counters.
    pub port: Arc<Port>,
}

/// Codes that nginx gives to the ends of streams.
mod code {
    pub(super) const OK: u16 = 200;
    pub(super) const BAD_CLIENT: u16 = 400;
    pub(super) const NO_ROUTE: u16 = 500;
    pub(super) const BAD_NODE: u16 = 502;
}

/// The life of a stream.
pub async fn serve(worker: Rc<Worker>, listener: Rc<Listener>, stream: TcpStream, remote: SocketAddr) {
    let present = worker.enter_stream();
    let open = listener.port.open();
    // Small pieces should leave at once; on failure they leave a little later.
    stream.set_nodelay(true).ok();
    let (status, node) = Box::pin(run(&worker, &listener, stream, remote)).await;
    listener.port.ended(status, &node);
    drop((open, present));
}

async fn run(worker: &Rc<Worker>, listener: &Listener, stream: TcpStream, remote: SocketAddr) -> (u16, String) {
    let none = String::new;
    let greeted = async {
        tokio::select! {
            greeted = timeout(worker.limits.handshake_timeout(), greet(worker, listener, stream, remote)) => Some(greeted),
            () = worker.until_draining() => None,
        }
    };
    let (mut stream, client) = match Box::pin(greeted).await {
        Some(Ok(Ok(greeted))) => greeted,
        Some(Ok(Err(error))) => {
            tracing::debug!(%remote, %error, "stream refused");
            return (code::BAD_CLIENT, none());
        }
        Some(Err(_)) => return (code::BAD_CLIENT, none()),
        None => return (code::OK, none()),
    };
    let snapshot = worker.pin();
    let Some(route) = snapshot.streams.find(&client).cloned() else {
        tracing::debug!(remote = %client.remote, local = %client.local, sni = client.name(), "no stream route takes the client");
        return (code::NO_ROUTE, none());
    };
    let (verdict, kept) = plugin::ask(&route, &client, &snapshot).await;
    // A stream may live long: it holds its route, not the whole configuration.
    drop(snapshot);
    worker.stats.streams.routed(route.label(&kept));
    if let Err(status) = verdict {
        return (status, none());
    }
    let header = listener.options.proxy_protocol_to_upstream;
    let mut dialed = match Box::pin(dial::tcp(worker, kept.target(&route), &client, header)).await {
        Ok(dialed) => dialed,
        Err(error) => {
            tracing::warn!(stream_route.id = &*route.id, %error, "stream closed without a node");
            let node = if let dial::Error::Failed { node, .. } = error { node } else { none() };
            return (code::BAD_NODE, node);
        }
    };
    let end = relay::run(&mut stream, &mut dialed.connection, dialed.idle, &listener.port, &worker.streams.buffers);
    let status = match end.await {
        End::Closed => code::OK,
        End::Client => code::BAD_CLIENT,
        End::Idle | End::Node => code::BAD_NODE,
    };
    drop(kept);
    (status, dialed.node.name())
}

/// What comes before the stream's own bytes.
async fn greet(
    worker: &Rc<Worker>,
    listener: &Listener,
    mut stream: TcpStream,
    remote: SocketAddr,
) -> Result<(Stream, Client), Box<dyn std::error::Error>> {
    let mut remote = remote;
    if listener.options.proxy_protocol
        && let Some(said) = proxy_protocol::read(&mut stream).await?
        && worker.proxy_protocol.trusts(remote.ip())
    {
        remote = said.source;
    }
    let mut client = Client::new(remote, stream.local_addr()?, Transport::Tcp);
    if !listener.options.tls {
        return Ok((Stream::Plain(stream), client));
    }
    let find = |name: &str| worker.pin().certificates.find(name).cloned();
    let (stream, session) = tls::accept(stream, Purpose::Stream, &listener.fallback, find).await?;
    client.tls = Some(Box::new(session));
    Ok((Stream::Tls(Box::new(TlsStream::Server(stream))), client))
}
