//! JSON as etcd 3.5 speaks it: between text and protobuf messages, by the description of the message.
//!
//! Every answer of etcd's gateway is the same few rules over the fields of a message, so this is one reader and one writer over
//! `etcd_proto::described` and no code per message. What is read becomes a message's bytes, what is written came from one: the
//! services know nothing of JSON. Texts of errors are those of Go's JSON library, since that is what etcd's clients have seen.

mod base64;
mod parse;
mod read;
mod write;

pub(crate) use parse::{Error, parse};
pub(crate) use read::read;
pub(crate) use write::{string, write};

#[cfg(test)]
mod tests;
