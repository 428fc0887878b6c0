//! The format of a line: what it is made of, and how values are written.

use std::borrow::Cow;
use std::io::Write as _;

use http::response::Parts;

use super::super::config::{AccessLog, Escape};
use crate::attempts;
use crate::context::Context;
use crate::plugin::Summary;
use crate::time_text;
use crate::vars::{Var, variable_name};

/// A parsed format.
#[derive(Debug)]
pub struct Format {
    pieces: Vec<Piece>,
    escape: Escape,
}

#[derive(Debug)]
enum Piece {
    Text(Box<[u8]>),
    Var(Var),
    /// `sent_http_NAME`.
    Sent(Box<str>),
    Late(Late),
}

/// What is known when the response is over.
#[derive(Debug, Clone, Copy)]
pub(super) enum Late {
    BytesSent,
    RequestLength,
    RequestTime,
    UpstreamResponseTime,
    UpstreamHeaderTime,
    UpstreamAddr,
    TimeLocal,
    TimeIso8601,
    Msec,
}

// === impl Format ===

impl Format {
    /// Of the settings.
    #[must_use]
    pub fn parse(settings: &AccessLog) -> Self {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = settings.format.as_str();
        while let Some((before, after)) = rest.split_once('$') {
            literal.push_str(before);
            let Some((name, remaining)) = variable_name(after) else {
                literal.push('$');
                rest = after;
                continue;
            };
            if !literal.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut literal).into_bytes().into()));
            }
            pieces.push(Piece::named(name));
            rest = remaining;
        }
        literal.push_str(rest);
        pieces.push(Piece::Text(literal.into_bytes().into()));
        Self { pieces, escape: settings.escape }
    }

    /// The line as far as it is known with the head of the response, and where the rest goes in.
    pub(super) fn begin(&self, context: &Context<'_>, response: &Parts) -> (Vec<u8>, Vec<(usize, Late)>) {
        let mut out = Vec::with_capacity(256);
        let mut late = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Late(what) => late.push((out.len(), *what)),
                // A header need not be text.
                Piece::Var(Var::Header(name)) if context.request.parts.headers.contains_key(name) => {
                    self.write(context.request.parts.headers.get(name).map(|value| value.as_bytes()), &mut out);
                }
                // Of several nginx logs the first.
                Piece::Var(Var::Cookie(name)) => {
                    self.write(context.request.cookies(name).next().map(str::as_bytes), &mut out);
                }
                Piece::Var(var) => self.write(var.read(context).as_deref().map(str::as_bytes), &mut out),
                Piece::Sent(name) => self.write(response.headers.get(&**name).map(|value| value.as_bytes()), &mut out),
            }
        }
        (out, late)
    }

    pub(super) fn late(&self, late: Late, summary: &Summary, started_micros: i64, out: &mut Vec<u8>) {
        let ended = || started_micros + i64::try_from(summary.latency.as_micros()).unwrap_or(0);
        let text: Option<Cow<'_, str>> = match late {
            Late::BytesSent => Some(summary.sent.to_string().into()),
            Late::RequestLength => Some(summary.received.to_string().into()),
            Late::RequestTime => Some(attempts::seconds(summary.latency).into()),
            Late::UpstreamResponseTime => summary.attempts().map(Cow::Owned),
            Late::UpstreamHeaderTime => summary.heads().map(Cow::Owned),
            Late::UpstreamAddr => summary.nodes().map(Cow::Owned),
            Late::TimeLocal => Some(time_text::local(ended()).into()),
            Late::TimeIso8601 => Some(time_text::iso8601(ended()).into()),
            Late::Msec => Some(time_text::seconds(ended()).into()),
        };
        self.write(text.as_deref().map(str::as_bytes), out);
    }

    fn write(&self, value: Option<&[u8]>, out: &mut Vec<u8>) {
        let Some(value) = value else {
            out.extend_from_slice(if self.escape == Escape::Default { b"-" } else { b"" });
            return;
        };
        match self.escape {
            Escape::None => out.extend_from_slice(value),
            Escape::Default => value.iter().for_each(|&byte| match byte {
                b'"' | b'\\' | 0..0x20 | 0x7f.. => hex(out, "\\x", byte),
                plain => out.push(plain),
            }),
            Escape::Json => value.iter().for_each(|&byte| match byte {
                b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
                b'\n' => out.extend_from_slice(b"\\n"),
                b'\r' => out.extend_from_slice(b"\\r"),
                b'\t' => out.extend_from_slice(b"\\t"),
                0..0x20 => hex(out, "\\u00", byte),
                plain => out.push(plain),
            }),
        }
    }
}

fn hex(out: &mut Vec<u8>, lead: &str, byte: u8) {
    write!(out, "{lead}{byte:02X}").expect("writing into a Vec cannot fail");
}

// === impl Piece ===

impl Piece {
    fn named(name: &str) -> Self {
        let late = match name {
            "bytes_sent" | "body_bytes_sent" => Late::BytesSent,
            "request_length" => Late::RequestLength,
            "request_time" => Late::RequestTime,
            "upstream_response_time" => Late::UpstreamResponseTime,
            "upstream_header_time" => Late::UpstreamHeaderTime,
            "upstream_addr" => Late::UpstreamAddr,
            "time_local" => Late::TimeLocal,
            "time_iso8601" => Late::TimeIso8601,
            "msec" => Late::Msec,
            _ => {
                return match name.strip_prefix("sent_http_") {
                    Some(header) => Self::Sent(header.replace('_', "-").to_ascii_lowercase().into()),
                    // A log says what was asked, as nginx's does.
                    None if name == "request_uri" => Self::Var(Var::parse("real_request_uri")),
                    None => Self::Var(Var::parse(name)),
                };
            }
        };
        Self::Late(late)
    }
}
