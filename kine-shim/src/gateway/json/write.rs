//! The bytes of a message to text.
//!
//! Fields go by their names in the protobuf file, in its order; what is at its default is left out, as it is on the wire. Numbers
//! of 64 bits are strings, enumerations names, bytes base64.

use std::fmt::Write as _;

use bytes::{Buf as _, BufMut as _, BytesMut};
use portolan_etcd_proto::schema::{Field, Kind, Message};
use prost::encoding::{WireType, decode_key, decode_varint};

use super::base64;

/// One field's value on the wire.
enum Wire<'a> {
    Varint(u64),
    Delimited(&'a [u8]),
}

/// Appends a message as an object. `wire` is one of our own encoder's: what is behind a malformed byte would be left out.
pub(crate) fn write(message: &Message, mut wire: &[u8], out: &mut BytesMut) {
    out.put_u8(b'{');
    let mut list: Option<&Field> = None;
    let mut first = true;
    while let Some((number, value)) = next(&mut wire) {
        let Some(field) = message.field(number) else { continue };
        if list.is_some_and(|open| open.number == number) {
            out.put_u8(b',');
        } else {
            if list.take().is_some() {
                out.put_u8(b']');
            }
            out.put_slice(if first { b"\"" } else { b",\"" });
            out.put_slice(field.name.as_bytes());
            out.put_slice(b"\":");
            if field.repeated {
                out.put_u8(b'[');
                list = Some(field);
            }
        }
        first = false;
        self::value(field.kind, value, out);
    }
    if list.is_some() {
        out.put_u8(b']');
    }
    out.put_u8(b'}');
}

/// Appends a string in quotes, with Go's escapes.
pub(crate) fn string(text: &str, out: &mut BytesMut) {
    out.put_u8(b'"');
    for letter in text.chars() {
        match letter {
            '"' => out.put_slice(b"\\\""),
            '\\' => out.put_slice(b"\\\\"),
            '\n' => out.put_slice(b"\\n"),
            '\r' => out.put_slice(b"\\r"),
            '\t' => out.put_slice(b"\\t"),
            '\0'..' ' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                print(out, format_args!("\\u{:04x}", u32::from(letter)));
            }
            _ => out.put_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.put_u8(b'"');
}

fn value(kind: Kind, value: Wire<'_>, out: &mut BytesMut) {
    match (kind, value) {
        (Kind::Bool, Wire::Varint(number)) => out.put_slice(if number == 0 { b"false" } else { b"true" }),
        (Kind::Int64, Wire::Varint(number)) => print(out, format_args!("\"{}\"", number.cast_signed())),
        (Kind::Uint64, Wire::Varint(number)) => print(out, format_args!("\"{number}\"")),
        (Kind::Uint32, Wire::Varint(number)) => print(out, format_args!("{number}")),
        (Kind::Enum(kind), Wire::Varint(number)) => {
            // Enumerations are 32 bits, spread to 64 on the wire.
            let number = number.cast_signed() as i32;
            match kind.value_name(number) {
                Some(name) => print(out, format_args!("\"{name}\"")),
                None => print(out, format_args!("{number}")),
            }
        }
        (Kind::String, Wire::Delimited(bytes)) => string(&String::from_utf8_lossy(bytes), out),
        (Kind::Bytes, Wire::Delimited(bytes)) => {
            out.put_u8(b'"');
            base64::encode(bytes, out);
            out.put_u8(b'"');
        }
        (Kind::Message(inner), Wire::Delimited(bytes)) => write(inner, bytes, out),
        _ => out.put_slice(b"null"),
    }
}

fn next<'a>(wire: &mut &'a [u8]) -> Option<(u32, Wire<'a>)> {
    if !wire.has_remaining() {
        return None;
    }
    let (number, kind) = decode_key(wire).ok()?;
    let varint = decode_varint(wire).ok()?;
    let value = match kind {
        WireType::Varint => Wire::Varint(varint),
        WireType::LengthDelimited => {
            let (bytes, rest) = wire.split_at_checked(usize::try_from(varint).ok()?)?;
            *wire = rest;
            Wire::Delimited(bytes)
        }
        _ => return None,
    };
    Some((number, value))
}

fn print(out: &mut BytesMut, text: std::fmt::Arguments<'_>) {
    // Memory does not refuse.
    let _written = out.write_fmt(text);
}
