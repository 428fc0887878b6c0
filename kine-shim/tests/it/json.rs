//! A client of the JSON gateway, and requests written as JSON by the description of their messages, in changing spellings.

use portolan_etcd_proto::described;
use portolan_etcd_proto::schema::{Field, Kind, Message};
use portolan_testkit::raw::{Connection, Head, Target};
use prost::encoding::{WireType, decode_key, decode_varint};
use serde_json::{Map, Value, json};

/// SplitMix64.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(sides).unwrap()).unwrap()
    }
}

/// A message as JSON: names in either spelling, numbers as numbers or strings, enumerations by number or name. The message says
/// which, so that both sides of a comparison get the same.
pub fn spelled(message: &'static Message, value: &impl prost::Message) -> Value {
    let wire = value.encode_to_vec();
    let seed = wire.iter().fold(17_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add((*byte).into()));
    object(message, &wire, &mut Dice(seed))
}

fn object(message: &'static Message, mut wire: &[u8], dice: &mut Dice) -> Value {
    let mut members = Map::new();
    while !wire.is_empty() {
        let (number, kind) = decode_key(&mut wire).unwrap();
        let varint = decode_varint(&mut wire).unwrap();
        let mut bytes: &[u8] = &[];
        if kind == WireType::LengthDelimited {
            (bytes, wire) = wire.split_at(usize::try_from(varint).unwrap());
        }
        let field = message.field(number).unwrap();
        if field.repeated && kind == WireType::LengthDelimited && matches!(field.kind, Kind::Enum(_)) {
            while !bytes.is_empty() {
                let item = decode_varint(&mut bytes).unwrap();
                add(&mut members, field, scalar(field, item, &[], dice), dice);
            }
            continue;
        }
        let value = scalar(field, varint, bytes, dice);
        add(&mut members, field, value, dice);
    }
    if dice.roll(8) == 0 {
        members.insert("no such field".to_owned(), json!([{ "a": 1.5 }]));
    }
    Value::Object(members)
}

fn add(members: &mut Map<String, Value>, field: &Field, value: Value, dice: &mut Dice) {
    if field.repeated {
        let names = [field.name, field.json_name];
        let known = names.into_iter().find(|name| members.contains_key(*name)).unwrap_or(names[dice.roll(2)]);
        members.entry(known).or_insert(json!([])).as_array_mut().unwrap().push(value);
    } else {
        members.insert([field.name, field.json_name][dice.roll(2)].to_owned(), value);
    }
}

fn scalar(field: &Field, varint: u64, bytes: &[u8], dice: &mut Dice) -> Value {
    let mut either = |number: Value| if dice.roll(2) == 0 { number } else { json!(number.to_string()) };
    match field.kind {
        Kind::Bool => json!(varint != 0),
        Kind::Int64 => either(json!(varint.cast_signed())),
        Kind::Uint32 | Kind::Uint64 => either(json!(varint)),
        Kind::Enum(kind) => {
            let number = i32::try_from(varint.cast_signed()).unwrap();
            match kind.value_name(number) {
                Some(name) if dice.roll(2) == 0 => json!(name),
                _ => json!(number),
            }
        }
        Kind::String => json!(String::from_utf8(bytes.to_vec()).unwrap()),
        Kind::Bytes => json!(base64(bytes)),
        Kind::Message(inner) => object(inner, bytes, dice),
    }
}

pub fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let letter = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap();
            out.push(if place <= group.len() { char::from(LETTERS[letter]) } else { '=' });
        }
    }
    out
}

/// Posts a body and gives status and body of the answer.
pub async fn post(target: &Target, path: &str, body: &[u8]) -> (u16, String) {
    let mut connection = Connection::open(target).await.unwrap();
    let head = ask(&mut connection, target, path, body).await;
    let body = connection.body(&head).await.unwrap();
    (head.status, String::from_utf8(body).unwrap())
}

/// Posts a body and gives the head of the answer.
pub async fn ask(connection: &mut Connection, target: &Target, path: &str, body: &[u8]) -> Head {
    let (host, length) = (target.authority(), body.len());
    let head = format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n");
    connection.send(head.as_bytes()).await.unwrap();
    connection.send(body).await.unwrap();
    connection
        .head()
        .await
        .unwrap_or_else(|error| panic!("{path} {}: {error}", String::from_utf8_lossy(&body[..body.len().min(80)])))
}

/// An answer's text, of one line or several, without the ids of cluster, member and term, which must be there where an outermost
/// header is.
pub fn stripped(text: &str) -> String {
    let line = |line: &str| match line.strip_suffix('\n') {
        Some(text) => format!("{}\n", stripped_line(text)),
        None => stripped_line(line),
    };
    text.split_inclusive('\n').map(line).collect()
}

fn stripped_line(text: &str) -> String {
    let Ok(mut answer) = serde_json::from_str::<Value>(text) else { return text.to_owned() };
    let inside = if answer.get("result").is_some() { &mut answer["result"] } else { &mut answer };
    if let Some(Value::Object(header)) = inside.get_mut("header") {
        for id in ["cluster_id", "member_id", "raft_term"] {
            let id = header.get_mut(id).unwrap_or_else(|| panic!("{text}: the header has an id"));
            *id = json!(id.as_str().unwrap().parse::<u64>().map(|_| "a number").unwrap());
        }
    }
    answer.to_string()
}

/// The messages of requests, for those who spell them.
pub mod messages {
    pub use super::described::*;
}
