//! Holds only tests: `e2e/` over real processes and sockets, `it/` over the source of the workspace.
//!
//! Invariant: links no crate of ours but the test kit; what it knows of the product, a user could know.
