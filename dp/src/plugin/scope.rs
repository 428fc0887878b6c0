//! What a plugin may ask for while it is compiled.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use serde_json::Value;

/// The place of a configuration, and the state that outlives it.
pub struct Scope<'a> {
    /// Resource that holds the configuration, such as `routes/1`.
    pub resource: &'a str,
    /// The configuration as written, without `_meta`.
    pub config: &'a Value,
    /// State of plugins that outlives a snapshot.
    pub state: &'a State,
}

/// State of plugins by key. An entry lives as long as some compiled configuration holds it.
#[derive(Default)]
pub struct State {
    entries: Mutex<HashMap<String, Weak<dyn Any + Send + Sync>>>,
}

// === impl State ===

impl State {
    /// The state of this key; made if there is none, or if what is there is of another type.
    pub fn get<T: Send + Sync + 'static>(&self, key: &str, make: impl FnOnce() -> T) -> Arc<T> {
        let mut entries = self.entries.lock();
        let known = entries.get(key).and_then(Weak::upgrade).and_then(|state| state.downcast::<T>().ok());
        if let Some(state) = known {
            return state;
        }
        entries.retain(|_, state| state.strong_count() > 0);
        let state = Arc::new(make());
        let shared: Arc<dyn Any + Send + Sync> = state.clone();
        entries.insert(key.to_owned(), Arc::downgrade(&shared));
        state
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}
