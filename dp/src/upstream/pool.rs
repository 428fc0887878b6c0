//! Connections of one worker that may be used again, by address: idle ones of HTTP/1.1, and those of HTTP/2 that have room. They
//! never leave their thread, so no lock is needed.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::http1::Connection;
use super::link::Link;
use super::{Keepalive, Tls, http2};

/// What makes connections interchangeable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The address.
    pub address: SocketAddr,
    /// TLS, and the name that was asked for.
    pub tls: Option<(Tls, Rc<str>)>,
    /// HTTP/2, or HTTP/1.1.
    pub http2: bool,
}

/// The pool.
#[derive(Debug, Default)]
pub struct Pool {
    idle: RefCell<HashMap<Key, Rc<Shelf>>>,
    shared: RefCell<HashMap<Key, Shared>>,
}

/// Connections of HTTP/2.
#[derive(Debug)]
struct Shared {
    connections: Vec<http2::Connection>,
    keepalive: Keepalive,
}

/// Idle connections of HTTP/1.1 of one key. Those in use know their shelf too, so that none is looked up on their way back.
#[derive(Debug)]
pub(super) struct Shelf {
    #[expect(clippy::vec_box, reason = "a connection moves between pool and request all the time, and it is large")]
    connections: RefCell<Vec<Box<Connection>>>,
    keep_for: Cell<Duration>,
}

// === impl Key ===

impl Hash for Key {
    /// Most keys are one number to the hash function, which takes them one by one.
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.address {
            SocketAddr::V4(address) => {
                let (ip, port) = (u64::from(address.ip().to_bits()), u64::from(address.port()));
                state.write_u64(ip << 24 | port << 8 | u64::from(self.http2));
            }
            SocketAddr::V6(address) => address.hash(state),
        }
        if let Some(tls) = &self.tls {
            tls.hash(state);
        }
    }
}

/// Takes a connection back, if it can be used again. It is idle since that moment.
pub(super) fn put(mut connection: Box<Connection>, keepalive: Keepalive, since: Instant) {
    if keepalive.size == 0 || connection.served >= keepalive.requests || !connection.is_idle() {
        return;
    }
    // Without a shelf the pool is gone.
    let Some(shelf) = connection.shelf.upgrade() else { return };
    connection.rest(since);
    shelf.keep_for.set(keepalive.idle);
    let mut connections = shelf.connections.borrow_mut();
    if connections.len() < keepalive.size {
        connections.push(connection);
    }
}

// === impl Pool ===

impl Pool {
    /// A connection that still stands, or a part of one.
    pub fn take(&self, key: &Key, now: Instant) -> Option<Link> {
        if key.http2 {
            self.take_part(key).map(|part| Link::Part(Box::new(part)))
        } else {
            self.take_whole(key, now).map(Link::Whole)
        }
    }

    /// Where a fresh connection belongs.
    pub(super) fn place(&self, key: &Key, keepalive: Keepalive) -> Weak<Shelf> {
        let mut idle = self.idle.borrow_mut();
        let empty = || Shelf { connections: RefCell::default(), keep_for: Cell::new(keepalive.idle) };
        Rc::downgrade(idle.entry(key.clone()).or_insert_with(|| Rc::new(empty())))
    }

    /// Shares a fresh connection, and gives the first part of it.
    pub(super) fn share(&self, key: &Key, mut connection: http2::Connection, keepalive: Keepalive) -> http2::Stream {
        let (stream, served) = connection.stream();
        let mut all = self.shared.borrow_mut();
        let shared = all.entry(key.clone()).or_insert_with(|| Shared { connections: Vec::new(), keepalive });
        shared.keepalive = keepalive;
        shared.connections.retain(http2::Connection::stands);
        if served < keepalive.requests && shared.connections.len() < keepalive.size {
            shared.connections.push(connection);
        }
        stream
    }

    fn take_part(&self, key: &Key) -> Option<http2::Stream> {
        let mut all = self.shared.borrow_mut();
        let shared = all.get_mut(key)?;
        let at = shared.connections.iter().rposition(http2::Connection::has_room)?;
        let (stream, served) = shared.connections[at].stream();
        if served >= shared.keepalive.requests {
            // Its streams end in peace; the driver ends with the last of them.
            shared.connections.swap_remove(at);
        }
        Some(stream)
    }

    /// The one used last: it is the least likely to be closed soon.
    fn take_whole(&self, key: &Key, now: Instant) -> Option<Box<Connection>> {
        let idle = self.idle.borrow();
        let shelf = idle.get(key)?;
        let mut connections = shelf.connections.borrow_mut();
        while let Some(mut connection) = connections.pop() {
            if now.duration_since(connection.idle_since) < shelf.keep_for.get() && connection.is_usable() {
                return Some(connection);
            }
        }
        None
    }

    /// Drops what is too old or was closed by the other side. To be called every second or so.
    pub fn sweep(&self) {
        let now = Instant::now();
        self.idle.borrow_mut().retain(|_, shelf| {
            let keep_for = shelf.keep_for.get();
            shelf.connections.borrow_mut().retain_mut(|connection| {
                now.duration_since(connection.idle_since) < keep_for && connection.is_usable()
            });
            // Each connection, here or in use, refers to it.
            Rc::weak_count(shelf) > 0
        });
        self.shared.borrow_mut().retain(|_, shared| {
            let keep_for = shared.keepalive.idle;
            shared.connections.retain_mut(|connection| {
                let rested = |since| now.duration_since(since) >= keep_for;
                connection.stands() && !connection.idle_since(now).is_some_and(rested)
            });
            !shared.connections.is_empty()
        });
    }

    /// Drops everything, at the end of the worker.
    pub fn clear(&self) {
        self.idle.borrow_mut().clear();
        self.shared.borrow_mut().clear();
    }
}
