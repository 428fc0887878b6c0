//! Section `retention`.

use serde::Deserialize;

/// How long payloads of the log are kept; its entries stay for ever (docs/audit/README.md).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Months after which the contexts and changes of events are pruned, as far as the present does not need them; 0 = never.
    pub payload_months: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { payload_months: 13 }
    }
}
