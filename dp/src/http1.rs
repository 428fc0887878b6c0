//! What both ends of HTTP/1.1 have in common: reading from a stream and writing to it, where bodies end, and lines of heads.
//!
//! Clients are read strictly (RFC 9112 and nothing that it lets a recipient forgive): what one recipient forgives and the next
//! reads otherwise is how requests are smuggled past a gateway. Nodes are believed as much as their other clients do.

mod date;
mod decode;
mod head;
mod input;
mod names;
mod output;
mod spare;
mod text;

pub(crate) use date::Date;
pub(crate) use decode::{Decoder, Malformed, Peer, Step};
pub(crate) use head::{Said, Span, announced, decimal, span};
pub(crate) use input::Input;
pub(crate) use names::name;
pub(crate) use output::Output;
pub(crate) use spare::{give_map, take_map};
pub(crate) use text::Text;
