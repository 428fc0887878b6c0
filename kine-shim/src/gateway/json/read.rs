//! A value to the bytes of a message.
//!
//! Fields go by either name; `null` is as good as absent, unknown members are ignored, and of members that come twice the last
//! counts. Numbers may stand in quotes, enumerations go by name or number.

use std::borrow::Cow;

use portolan_etcd_proto::schema::{Field, Kind, Message};
use prost::encoding::{WireType, encode_key, encode_varint};

use super::base64;
use super::parse::{Text, Value, whole};

/// Messages inside of messages, at most: what reads the bytes takes no more (prost's limit).
const MAX_DEPTH: usize = 100;

/// The bytes of a message; an error is Go's text.
pub(crate) fn read(message: &Message, value: &Value<'_>) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    self::message(message, value, 0, &mut out)?;
    Ok(out)
}

fn message(message: &Message, value: &Value<'_>, depth: usize, out: &mut Vec<u8>) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err("exceeded max depth".to_owned());
    }
    let members = match value {
        Value::Null => return Ok(()),
        Value::Object(members) => members,
        other => return Err(cannot(other, "map[string]json.RawMessage")),
    };
    for field in message.fields {
        match member(members, field) {
            None | Some(Value::Null) => {}
            Some(Value::Array(items)) if field.repeated => {
                items.iter().try_for_each(|item| singular(field, item, depth, out))?;
            }
            Some(other) if field.repeated => return Err(cannot(other, "[]json.RawMessage")),
            Some(value) => singular(field, value, depth, out)?,
        }
    }
    Ok(())
}

fn member<'v, 'a>(members: &'v [(Cow<'a, str>, Value<'a>)], field: &Field) -> Option<&'v Value<'a>> {
    let named = |name: &str| members.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value);
    named(field.json_name).or_else(|| if field.name == field.json_name { None } else { named(field.name) })
}

/// Writes the field also when the value is its default: a member of a `oneof` is chosen by being there.
fn singular(field: &Field, value: &Value<'_>, depth: usize, out: &mut Vec<u8>) -> Result<(), String> {
    let varint = |number: u64, out: &mut Vec<u8>| {
        encode_key(field.number, WireType::Varint, out);
        encode_varint(number, out);
    };
    let delimited = |bytes: &[u8], out: &mut Vec<u8>| {
        encode_key(field.number, WireType::LengthDelimited, out);
        encode_varint(bytes.len() as u64, out);
        out.extend_from_slice(bytes);
    };
    match field.kind {
        Kind::Bool => varint(boolean(value)?.into(), out),
        Kind::Int64 => varint(integer::<i64>(value, "int64")?.cast_unsigned(), out),
        Kind::Uint64 => varint(integer::<u64>(value, "uint64")?, out),
        Kind::Uint32 => varint(integer::<u32>(value, "uint32")?.into(), out),
        Kind::Enum(kind) => {
            let number = match value {
                Value::String(text) => {
                    kind.number(&String::from_utf8_lossy(text.raw())).ok_or_else(|| unknown(*text, kind.name))?
                }
                other => number::<i32>(other, "protoreflect.EnumNumber")?,
            };
            varint(i64::from(number).cast_unsigned(), out);
        }
        Kind::String => match value {
            Value::String(text) => delimited(text.unquoted().as_bytes(), out),
            Value::Null => delimited(&[], out),
            other => return Err(cannot(other, "string")),
        },
        Kind::Bytes => delimited(&bytes(value)?, out),
        Kind::Message(inner) => {
            let mut bytes = Vec::new();
            message(inner, value, depth + 1, &mut bytes)?;
            delimited(&bytes, out);
        }
    }
    Ok(())
}

fn boolean(value: &Value<'_>) -> Result<bool, String> {
    match value {
        Value::Bool(value) => Ok(*value),
        Value::Null => Ok(false),
        other => Err(cannot(other, "bool")),
    }
}

/// A number, perhaps in quotes.
fn integer<T: std::str::FromStr + Default>(value: &Value<'_>, kind: &str) -> Result<T, String> {
    match value {
        Value::String(text) => number(&whole(text.raw())?, kind),
        other => number(other, kind),
    }
}

fn number<T: std::str::FromStr + Default>(value: &Value<'_>, kind: &str) -> Result<T, String> {
    match value {
        Value::Number(text) => {
            text.parse().map_err(|_| format!("json: cannot unmarshal number {text} into Go value of type {kind}"))
        }
        Value::Null => Ok(T::default()),
        other => Err(cannot(other, kind)),
    }
}

/// Base64, or (Go takes it, so etcd does) a list of numbers.
fn bytes(value: &Value<'_>) -> Result<Vec<u8>, String> {
    match value {
        Value::String(text) => base64::decode(&text.unquoted()),
        Value::Array(items) => items.iter().map(|item| number::<u8>(item, "uint8")).collect(),
        Value::Null => Ok(Vec::new()),
        other => Err(cannot(other, "[]uint8")),
    }
}

fn cannot(value: &Value<'_>, kind: &str) -> String {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    format!("json: cannot unmarshal {found} into Go value of type {kind}")
}

fn unknown(text: Text<'_>, kind: &str) -> String {
    format!("unknown value \"\\\"{}\\\"\" for enum {kind}", String::from_utf8_lossy(text.raw()))
}
