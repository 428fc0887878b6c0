//! Idle connections of one worker, by address. They never leave their thread, so no lock is needed.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use super::connection::Connection;
use super::{Keepalive, Tls};

/// What makes connections interchangeable.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// The address.
    pub address: SocketAddr,
    /// TLS, and the name that was asked for.
    pub tls: Option<(Tls, Rc<str>)>,
}

/// The pool.
#[derive(Debug, Default)]
pub struct Pool {
    idle: RefCell<HashMap<Key, Shelf>>,
}

#[derive(Debug)]
struct Shelf {
    #[expect(clippy::vec_box, reason = "a connection moves between pool and request all the time, and it is large")]
    connections: Vec<Box<Connection>>,
    keep_for: Duration,
}

// === impl Pool ===

impl Pool {
    /// A connection that still stands, the one used last: it is the least likely to be closed soon.
    pub fn take(&self, key: &Key) -> Option<Box<Connection>> {
        let mut idle = self.idle.borrow_mut();
        let shelf = idle.get_mut(key)?;
        let now = Instant::now();
        while let Some(mut connection) = shelf.connections.pop() {
            if now.duration_since(connection.idle_since) < shelf.keep_for && connection.is_usable() {
                return Some(connection);
            }
        }
        None
    }

    /// Takes a connection back, if it can be used again.
    pub fn put(&self, mut connection: Box<Connection>, keepalive: Keepalive) {
        if keepalive.size == 0 || connection.served >= keepalive.requests || !connection.is_idle() {
            return;
        }
        connection.idle_since = Instant::now();
        let mut idle = self.idle.borrow_mut();
        if let Some(shelf) = idle.get_mut(&connection.key) {
            shelf.keep_for = keepalive.idle;
            if shelf.connections.len() < keepalive.size {
                shelf.connections.push(connection);
            }
            return;
        }
        let key = connection.key.clone();
        idle.insert(key, Shelf { connections: vec![connection], keep_for: keepalive.idle });
    }

    /// Drops what is too old or was closed by the other side. To be called every second or so.
    pub fn sweep(&self) {
        let now = Instant::now();
        self.idle.borrow_mut().retain(|_, shelf| {
            let keep_for = shelf.keep_for;
            shelf.connections.retain_mut(|connection| {
                now.duration_since(connection.idle_since) < keep_for && connection.is_usable()
            });
            !shelf.connections.is_empty()
        });
    }

    /// Drops everything, at the end of the worker.
    pub fn clear(&self) {
        self.idle.borrow_mut().clear();
    }
}
