//! UDP ports of stream routes. A client's datagrams make a session, which ends when it has been silent for long.
//!
//! The system gives all datagrams of a client to the same of the workers' sockets, so a session is one worker's affair.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::{Client, Port, Transport, dial, plugin};
use crate::worker::{Present, Worker, spawn};

/// The largest datagram.
const DATAGRAM: usize = 65_536;
/// Datagrams of one client that wait for their node. More are lost, as datagrams may be.
const WAITING: usize = 64;
/// Bytes of all that wait at a port of a worker. More are lost, too.
const WAITING_BYTES: usize = 8 << 20;
/// How long a session may be silent once the worker is to end: what was asked is still answered.
const LAST: Duration = Duration::from_secs(1);

/// One UDP port of a worker.
struct Listener {
    socket: UdpSocket,
    local: SocketAddr,
    port: Arc<Port>,
    sessions: RefCell<HashMap<SocketAddr, mpsc::Sender<Datagram>>>,
    waiting: Rc<Cell<usize>>,
}

/// A datagram that waits for its node; counted until it is dropped.
struct Datagram {
    bytes: Bytes,
    waiting: Rc<Cell<usize>>,
}

/// Takes datagrams until the worker takes no new work, and then those of sessions that are there.
pub async fn serve(worker: Rc<Worker>, socket: UdpSocket, port: Arc<Port>) {
    let Ok(local) = socket.local_addr() else { return };
    let listener = Rc::new(Listener { socket, local, port, sessions: RefCell::default(), waiting: Rc::default() });
    let mut buffer = vec![0; DATAGRAM];
    loop {
        // An error here is about an earlier datagram to some client that has gone: no news for the others.
        let Ok((length, remote)) = listener.socket.recv_from(&mut buffer).await else { continue };
        listener.port.from_clients.fetch_add(length as u64, Ordering::Relaxed);
        listener.take(&worker, remote, &buffer[..length]);
    }
}

// === impl Listener ===

impl Listener {
    fn take(self: &Rc<Self>, worker: &Rc<Worker>, remote: SocketAddr, bytes: &[u8]) {
        if self.waiting.get() + bytes.len() > WAITING_BYTES {
            return;
        }
        let mut sessions = self.sessions.borrow_mut();
        if let Some(session) = sessions.get(&remote) {
            // A full queue loses the datagram; a session that is over is taken out by itself.
            session.try_send(Datagram::new(bytes, &self.waiting)).ok();
            return;
        }
        if worker.is_draining() {
            return;
        }
        let Some(present) = worker.enter_session() else { return };
        let (session, datagrams) = mpsc::channel(WAITING);
        session.try_send(Datagram::new(bytes, &self.waiting)).ok();
        sessions.insert(remote, session);
        spawn(session_of(worker.clone(), self.clone(), remote, datagrams, present));
    }

    /// Passes what a node has sent on to the client.
    async fn answer(&self, worker: &Worker, node: &UdpSocket, remote: SocketAddr) -> Result<(), u16> {
        let buffers = &worker.streams.buffers;
        let mut buffer = buffers.take();
        let result = loop {
            match node.try_recv(&mut buffer) {
                Ok(length) => {
                    self.port.from_nodes.fetch_add(length as u64, Ordering::Relaxed);
                    let Ok(sent) = self.socket.send_to(&buffer[..length], remote).await else { break Err(400) };
                    self.port.to_clients.fetch_add(sent as u64, Ordering::Relaxed);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break Ok(()),
                Err(_) => break Err(502),
            }
        };
        buffers.give(Some(buffer));
        result
    }
}

// === impl Datagram ===

impl Datagram {
    fn new(bytes: &[u8], waiting: &Rc<Cell<usize>>) -> Self {
        waiting.set(waiting.get() + bytes.len());
        Self { bytes: Bytes::copy_from_slice(bytes), waiting: waiting.clone() }
    }
}

impl Drop for Datagram {
    fn drop(&mut self) {
        self.waiting.set(self.waiting.get() - self.bytes.len());
    }
}

/// The life of a session.
async fn session_of(
    worker: Rc<Worker>,
    listener: Rc<Listener>,
    remote: SocketAddr,
    datagrams: mpsc::Receiver<Datagram>,
    present: Present,
) {
    let open = listener.port.open();
    let (status, node) = Box::pin(run(&worker, &listener, remote, datagrams)).await;
    listener.sessions.borrow_mut().remove(&remote);
    listener.port.ended(status, &node);
    drop((open, present));
}

async fn run(
    worker: &Rc<Worker>,
    listener: &Listener,
    remote: SocketAddr,
    mut datagrams: mpsc::Receiver<Datagram>,
) -> (u16, String) {
    let client = Client::new(remote, listener.local, Transport::Udp);
    let snapshot = worker.pin();
    let Some(route) = snapshot.streams.find(&client).cloned() else { return (500, String::new()) };
    let (verdict, kept) = plugin::ask(&route, &client, &snapshot).await;
    drop(snapshot);
    worker.stats.streams.routed(route.label(&kept));
    if let Err(status) = verdict {
        return (status, String::new());
    }
    let dialed = match dial::udp(worker, kept.target(&route), &client).await {
        Ok(dialed) => dialed,
        Err(error) => {
            tracing::warn!(stream_route.id = &*route.id, %error, "datagrams have no node");
            return (502, String::new());
        }
    };
    let name = dialed.node.name();
    let port = &listener.port;
    let mut idle = dialed.idle;
    let mut until = Instant::now() + idle;
    loop {
        tokio::select! {
            datagram = datagrams.recv() => {
                let Some(datagram) = datagram else { return (200, name) };
                let Ok(sent) = dialed.connection.send(&datagram.bytes).await else { return (502, name) };
                port.to_nodes.fetch_add(sent as u64, Ordering::Relaxed);
            }
            ready = dialed.connection.readable() => {
                if ready.is_err() {
                    return (502, name);
                }
                if let Err(status) = listener.answer(worker, &dialed.connection, remote).await {
                    return (status, name);
                }
            }
            // UDP has no end: silence is one.
            () = sleep_until(until) => return (200, name),
            () = worker.until_draining(), if idle > LAST => idle = LAST,
        }
        until = Instant::now() + idle;
    }
}
