//! What is known of the nodes that were asked in vain before the last one, and how it is shown: as nginx lists it.

use std::fmt::Display;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::upstream::Node;

/// A node that was asked in vain.
#[derive(Debug, Clone)]
pub struct Attempted {
    /// The node.
    pub node: Arc<Node>,
    /// What its failure is for the client, such as 502.
    pub status: StatusCode,
    /// How long it took.
    pub took: Duration,
}

/// All before the last one; nearly always none.
#[derive(Debug, Clone, Default)]
pub struct Earlier(Option<Rc<Vec<Attempted>>>);

// === impl Earlier ===

impl Earlier {
    /// One more.
    pub fn push(&mut self, attempted: Attempted) {
        Rc::make_mut(self.0.get_or_insert_default()).push(attempted);
    }

    /// Whether the last one is the only one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// What there is to show of each, and at last of the last one: `502, 200`.
    pub fn listed<T: Display>(&self, of: impl Fn(&Attempted) -> T, last: impl Display) -> String {
        let mut text = String::new();
        for attempted in self.0.iter().flat_map(|all| all.iter()) {
            text.push_str(&format!("{}, ", of(attempted)));
        }
        text + &last.to_string()
    }
}

/// A time as nginx shows it.
pub fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}
