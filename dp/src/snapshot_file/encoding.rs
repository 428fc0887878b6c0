//! The plain contents of a snapshot, little-endian:
//! `revision i64, cluster u64, prefix, count u64, count × (key, create i64, mod i64, value)`; texts are `length u32, bytes`.

use std::sync::Arc;

use bytes::Bytes;

use crate::resource::Document;
use crate::store::Store;

pub(super) fn encode(prefix: &str, store: &Store) -> Vec<u8> {
    let entries = store.entries.values();
    let size: usize = entries.iter().map(|entry| entry.key.len() + entry.value.len() + 24).sum();
    let mut out = Vec::with_capacity(size + prefix.len() + 128);
    out.extend_from_slice(&store.revision.to_le_bytes());
    out.extend_from_slice(&store.cluster_id.to_le_bytes());
    put_text(&mut out, prefix.as_bytes());
    out.extend_from_slice(&(entries.len() as u64).to_le_bytes());
    for entry in entries {
        put_text(&mut out, entry.key.as_bytes());
        out.extend_from_slice(&entry.create_revision.to_le_bytes());
        out.extend_from_slice(&entry.mod_revision.to_le_bytes());
        put_text(&mut out, &entry.value);
    }
    out
}

/// Prefix and entries; `None` when it is not exactly that.
pub(super) fn decode(bytes: &[u8]) -> Option<(&str, Store)> {
    let mut input = Input(bytes);
    let revision = input.integer()?;
    let cluster_id = u64::from_le_bytes(input.array()?);
    let prefix = std::str::from_utf8(input.text()?).ok()?;
    let count = u64::from_le_bytes(input.array()?);
    let mut store = Store { revision, cluster_id, ..Store::default() };
    for _ in 0..count {
        let key: Arc<str> = std::str::from_utf8(input.text()?).ok()?.into();
        let create_revision = input.integer()?;
        let mod_revision = input.integer()?;
        let value = Bytes::copy_from_slice(input.text()?);
        store.entries.insert(&key.clone(), Arc::new(Document { key, value, create_revision, mod_revision }));
    }
    input.0.is_empty().then_some((prefix, store))
}

fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    // Keys and values come in messages of at most 4 GiB.
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&text[..length as usize]);
}

struct Input<'a>(&'a [u8]);

// === impl Input ===

impl<'a> Input<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk::<N>()?;
        self.0 = tail;
        Some(*head)
    }

    fn integer(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = u32::from_le_bytes(self.array()?) as usize;
        let (head, tail) = self.0.split_at_checked(length)?;
        self.0 = tail;
        Some(head)
    }
}
