//! TLS sessions that clients may take up again. One store for all certificates; each has a part of it that dies with
//! it, so that a session never outlives the rules it was made under.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::server::StoresServerSessions;

/// Sessions in each of the two generations. A session takes about a kilobyte.
const GENERATION: usize = 4096;

/// The store.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Key, Vec<u8>>,
    old: HashMap<Key, Vec<u8>>,
}

/// Serial number of the part, and what rustls calls the session.
type Key = (u64, Vec<u8>);

/// One certificate's part of the store.
#[derive(Debug)]
struct Part {
    serial: u64,
    all: Arc<Sessions>,
}

// === impl Sessions ===

impl Sessions {
    /// A part for one set of rules. Nothing in it is seen through another part.
    #[must_use]
    pub fn part(self: &Arc<Self>) -> Arc<dyn StoresServerSessions> {
        Arc::new(Part { serial: crate::resource::next_serial(), all: self.clone() })
    }
}

// === impl Generations ===

impl Generations {
    fn put(&mut self, key: Key, value: Vec<u8>) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    fn take(&mut self, key: &Key) -> Option<Vec<u8>> {
        self.young.remove(key).or_else(|| self.old.remove(key))
    }
}

// === impl Part ===

impl StoresServerSessions for Part {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.all.0.lock().put((self.serial, key), value);
        true
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let key = (self.serial, key.to_vec());
        let generations = self.all.0.lock();
        generations.young.get(&key).or_else(|| generations.old.get(&key)).cloned()
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.all.0.lock().take(&(self.serial, key.to_vec()))
    }

    fn can_cache(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_apart_and_the_store_is_bounded() {
        let sessions = Arc::new(Sessions::default());
        let (one, two) = (sessions.part(), sessions.part());
        one.put(b"k".to_vec(), b"v".to_vec());
        assert_eq!(two.get(b"k"), None);
        assert_eq!(one.get(b"k").as_deref(), Some(&b"v"[..]));
        assert_eq!(one.take(b"k").as_deref(), Some(&b"v"[..]));
        assert_eq!(one.take(b"k"), None);
        for number in 0..3 * GENERATION {
            one.put(number.to_be_bytes().to_vec(), Vec::new());
        }
        let kept = sessions.0.lock();
        assert_eq!(kept.young.len() + kept.old.len(), 2 * GENERATION);
    }
}
