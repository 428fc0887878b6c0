//! The event log and the key space that is projected from it.
