//! Configuration that an etcd client writes is judged before it is written, as the Admin API judges its own.

use bytes::Bytes;

/// A value that a request would put at a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAndValue {
    /// The key, as stored.
    pub key: Bytes,
    /// The value.
    pub value: Bytes,
}

/// The judge; the control plane gives it.
pub trait ConfigCheck: Send + Sync + 'static {
    /// Whether a key is one whose values are judged. Asked for each key that is put: a look at its name.
    fn concerns(&self, key: &[u8]) -> bool;
    /// Judges what a request may put at such keys, in both branches of a transaction, on a thread where it may take its time. An
    /// error is the text for the client; then nothing is written, and the log records the refusal.
    fn check(&self, puts: &[KeyAndValue]) -> Result<(), String>;
}
