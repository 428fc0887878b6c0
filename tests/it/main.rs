//! Tests over the source of the workspace: what has a right answer and no lint.
//!
//! Owns: the rules of design and style that a machine can check.
//!
//! Invariant: reads files, `cargo metadata` and `cargo tree`; builds and starts nothing.
//! Invariant: a rule's message says what to do.
//!
//! Start reading at `tidy.rs`.

#![expect(clippy::unwrap_used, reason = "tests")]

mod tidy;
