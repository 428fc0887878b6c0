//! What must hold for every answer.

use http::StatusCode;
use portolan_etcd_proto::schema::{Kind, Message};
use prost::encoding::{WireType, decode_key, decode_varint};
use serde_json::Value;

use super::input::Input;
use super::service::{Answer, Face, SECRET, Who};
use crate::json::base64;

/// Fails on an answer that should not be; gives the shape of the others.
pub fn of(input: &Input, answer: &Answer) -> String {
    if input.who() == Who::DataPlane {
        keeps_secrets(&answer.body);
    }
    match answer.face {
        Face::Json => json(answer),
        Face::Grpc => grpc(answer),
    }
}

/// No key of others, nor its value, in plain or in base64 (at any of its three offsets).
fn keeps_secrets(body: &[u8]) {
    let text = String::from_utf8_lossy(body);
    let encoded = (0..3).map(|offset| base64(&[&vec![b' '; offset], SECRET.as_bytes()].concat())[4..20].to_owned());
    for secret in encoded.chain([SECRET.to_owned()]) {
        assert!(!text.contains(&secret), "a data plane was told a secret: {text}");
    }
}

fn json(answer: &Answer) -> String {
    let text = std::str::from_utf8(&answer.body).expect("an answer is text");
    if matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED) && !text.starts_with('{') {
        return format!("{} {text}", answer.status);
    }
    let allowed = [200, 400, 401, 403, 404, 409, 429, 499, 500, 501, 503, 504];
    assert!(allowed.contains(&answer.status.as_u16()), "{} {text}", answer.status);
    let mut shape = format!("{} {}", answer.method.path, answer.status);
    let streams = answer.method.server_streams;
    let mut lines: Vec<&str> = if streams { text.split_inclusive('\n').collect() } else { vec![text] };
    if !answer.ended {
        // The rest of a line may be on its way.
        lines.retain(|line| line.ends_with('\n'));
    }
    for line in lines {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let ok = answer.status == StatusCode::OK;
        match (value.get("result"), value.get("error")) {
            // A refusal in the form of a stream: what APISIX reads must be numbers, or it fails on them.
            (None, Some(error @ Value::Object(_))) if streams => {
                let codes = ["grpc_code", "http_code"].map(|name| error[name].as_u64());
                assert!(codes.iter().all(Option::is_some) && error["http_status"].is_string(), "{line}");
                assert!(line.ends_with('\n'), "{line:?}");
                shape.push_str(&words(error["message"].as_str().unwrap()));
            }
            (None, Some(Value::String(error))) if !ok => {
                assert_eq!(value["message"], *error, "{line}");
                assert!(value["code"].as_u64().is_some_and(|code| (1..=16).contains(&code)), "{line}");
                shape.push_str(&words(error));
            }
            (Some(result), None) if streams && ok => {
                assert!(line.ends_with('\n'), "{line:?}");
                shape_of(result, &mut shape);
            }
            _ if ok && !streams => shape_of(&value, &mut shape),
            _ => panic!("{} {line}", answer.status),
        }
    }
    shape
}

fn grpc(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.headers);
    let mut shape = answer.method.path.to_owned();
    let mut rest = answer.body.as_slice();
    while let [compressed, a, b, c, d, after @ ..] = rest {
        let length = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).unwrap();
        assert_eq!(*compressed, 0);
        let Some(message) = after.get(..length) else {
            assert!(!answer.ended, "the last message is whole");
            break;
        };
        described(answer.method.response, message, &mut shape);
        rest = &after[length..];
    }
    if !answer.ended {
        return shape;
    }
    assert!(rest.is_empty(), "nothing stands behind the last message");
    let status: u8 = answer.grpc_status().expect("an answer ends with a status").parse().unwrap();
    assert!(status <= 16, "{status}");
    let text = answer.trailers.as_ref().and_then(|trailers| trailers.get("grpc-message"));
    let text = text.or_else(|| answer.headers.get("grpc-message")).map(|text| text.to_str().unwrap().to_owned());
    let text = text.unwrap_or_default();
    assert!(status == 0 || !text.is_empty(), "a refusal of code {status} without a text");
    assert!(!text.contains("panicked"), "{text}");
    format!("{shape} {status} {}", words(&text))
}

/// A message holds what its description allows; the shape gets the numbers of its fields.
fn described(message: &Message, mut wire: &[u8], shape: &mut String) {
    shape.push('(');
    while !wire.is_empty() {
        let (number, kind) = decode_key(&mut wire).unwrap();
        let field = message.field(number).unwrap_or_else(|| panic!("{} has no field {number}", message.name));
        let varint = decode_varint(&mut wire).unwrap();
        if !shape.ends_with(field.name) {
            shape.push_str(field.name);
        }
        if kind == WireType::LengthDelimited {
            let (bytes, after) = wire.split_at(usize::try_from(varint).unwrap());
            wire = after;
            match field.kind {
                Kind::Message(inner) if number != 1 => described(inner, bytes, shape),
                Kind::String => drop(std::str::from_utf8(bytes).expect("a string is text")),
                _ => {}
            }
        }
    }
    shape.push(')');
}

fn shape_of(value: &Value, shape: &mut String) {
    let Value::Object(members) = value else { return };
    for (name, member) in members.iter().filter(|(name, _)| *name != "header") {
        shape.push_str(name);
        match member {
            Value::Array(items) => items.iter().take(3).for_each(|item| shape_of(item, shape)),
            other => shape_of(other, shape),
        }
    }
}

/// A text without what changes with each input.
fn words(text: &str) -> String {
    text.chars().filter(|letter| letter.is_ascii_lowercase() || *letter == ' ').take(60).collect()
}
