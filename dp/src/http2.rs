//! What both ends of HTTP/2 have in common: bodies as they come and as they go, headers that the protocol does not know, and writes that
//! leave together.
//!
//! Streams are taken from `h2` itself: the library above it gives each request to a node a channel, two tasks and a second channel for its
//! answer, where here whoever handles the request looks at both of its directions.

mod gathered;
mod headers;
mod received;
mod sending;

pub(crate) use gathered::Gathered;
pub(crate) use headers::{announced, remove_of_connection};
pub(crate) use received::Received;
pub(crate) use sending::Sending;
