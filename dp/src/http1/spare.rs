//! Maps of headers that are empty and have room: those of one request serve the next.

use std::cell::RefCell;

use http::HeaderMap;

/// So many are kept by a thread.
const MOST: usize = 32;
/// One with room for more than this is not kept.
const LARGEST: usize = 64;

thread_local! {
    static SPARE: RefCell<Vec<HeaderMap>> = const { RefCell::new(Vec::new()) };
}

/// A map with room for so many.
pub(crate) fn take_map(room: usize) -> HeaderMap {
    let mut map = SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
    map.reserve(room);
    map
}

/// This map is not needed any more.
pub(crate) fn give_map(mut map: HeaderMap) {
    if (1..=LARGEST).contains(&map.capacity()) {
        map.clear();
        SPARE.with_borrow_mut(|all| {
            if all.len() < MOST {
                all.push(map);
            }
        });
    }
}
