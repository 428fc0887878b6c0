//! Idle connections of one thread. The reactor of its runtime watches them, so they never go to another thread; and
//! with that no lock is needed.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::Keepalive;
use super::connection::Connection;
use crate::upstream::connect::ClientTls;

/// What makes connections interchangeable.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) host: Arc<str>,
    pub(super) port: u16,
    pub(super) tls: Option<ClientTls>,
}

#[derive(Debug)]
struct Idle {
    connection: Box<Connection>,
    until: Instant,
}

thread_local! {
    static POOL: RefCell<HashMap<Key, Vec<Idle>>> = RefCell::default();
}

/// A connection that still stands, the one used last.
pub(super) fn take(key: &Key) -> Option<Box<Connection>> {
    let now = Instant::now();
    POOL.with_borrow_mut(|pool| {
        let shelf = pool.get_mut(key)?;
        while let Some(Idle { mut connection, until }) = shelf.pop() {
            if now < until && connection.is_usable() {
                return Some(connection);
            }
        }
        pool.remove(key);
        None
    })
}

/// Keeps a connection that may be used again, and drops what was kept long enough.
pub(super) fn put(key: Key, mut connection: Box<Connection>, keepalive: Keepalive) {
    let now = Instant::now();
    let usable = connection.is_usable();
    POOL.with_borrow_mut(|pool| {
        pool.retain(|_, shelf| {
            shelf.retain(|idle| now < idle.until);
            !shelf.is_empty()
        });
        let kept = pool.get(&key).map_or(0, Vec::len);
        if usable && kept < keepalive.size {
            pool.entry(key).or_default().push(Idle { connection, until: now + keepalive.idle });
        }
    });
}
