//! request-id: every request has an id, the client's or a fresh one; the upstream and the client see it.
//!
//! ```json
//! {"request-id": {"header_name": "X-Request-Id", "algorithm": "uuidv7"}}
//! ```

use http::header::{HeaderName, HeaderValue};
use http::response::Parts;
use rand::RngExt as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::context::Context;
use crate::plugin::{Error, Flow, Phase, Phases, Plugin, Scope, fields};

/// Letters and digits of ksuid, in the order of its base-62 numbers.
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const NANOID: &[u8; 64] = b"-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const NANOID_LENGTH: usize = 21;
/// ksuid counts its seconds from here, 2014-05-13.
const KSUID_EPOCH: u64 = 1_400_000_000;
const KSUID_LENGTH: usize = 27;

/// Configuration on routes and services.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// header that holds the id
    pub header_name: String,
    /// whether the response carries the id
    pub include_in_response: bool,
    /// how a fresh id is made
    pub algorithm: Algorithm,
    /// the letters and the length of a range_id
    pub range_id: RangeId,
}

/// How an id is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// Random UUID, version 4.
    #[default]
    Uuid,
    /// 21 random letters.
    Nanoid,
    /// Random letters of one's own choice.
    RangeId,
    /// Seconds and 16 random bytes, 27 letters; sorts by time.
    Ksuid,
    /// Time-ordered UUID, version 7.
    Uuidv7,
}

/// Letters and length.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct RangeId {
    /// letters to choose from
    #[schemars(length(min = 6))]
    pub char_set: String,
    /// how many letters an id has
    #[schemars(range(min = 6))]
    pub length: i64,
}

/// The compiled form.
#[derive(Debug)]
pub struct RequestId {
    header: HeaderName,
    include: bool,
    maker: Maker,
}

#[derive(Debug)]
enum Maker {
    Uuid,
    Uuidv7,
    Ksuid,
    Letters { letters: Box<[u8]>, length: usize },
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Self {
            header_name: "X-Request-Id".to_owned(),
            include_in_response: true,
            algorithm: Algorithm::default(),
            range_id: RangeId::default(),
        }
    }
}

impl Default for RangeId {
    fn default() -> Self {
        // The I between G and K is APISIX's, and is kept: both gateways make ids of the same letters.
        Self { char_set: "abcdefghijklmnopqrstuvwxyzABCDEFGHIGKLMNOPQRSTUVWXYZ0123456789".to_owned(), length: 16 }
    }
}

// === impl RequestId ===

impl Plugin for RequestId {
    const NAME: &'static str = "request-id";
    const PRIORITY: i64 = 12015;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::REWRITE.and(Phase::HEADER_FILTER);

    type Config = Config;

    fn compile(config: Config, _scope: &Scope<'_>) -> Result<Self, Error> {
        let maker = match config.algorithm {
            Algorithm::Uuid => Maker::Uuid,
            Algorithm::Uuidv7 => Maker::Uuidv7,
            Algorithm::Ksuid => Maker::Ksuid,
            Algorithm::Nanoid => Maker::Letters { letters: NANOID.as_slice().into(), length: NANOID_LENGTH },
            Algorithm::RangeId => Maker::range(config.range_id)?,
        };
        Ok(Self { header: fields::name(&config.header_name)?, include: config.include_in_response, maker })
    }
}

impl Phases for RequestId {
    fn rewrite<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        let headers = &mut context.request.parts.headers;
        let id = match headers.get(&self.header).filter(|id| !id.is_empty()) {
            Some(id) => id.clone(),
            None => {
                let Ok(id) = HeaderValue::try_from(self.maker.make(context.now_micros)) else { return Flow::Continue };
                headers.insert(self.header.clone(), id.clone());
                id
            }
        };
        if self.include {
            context.plugins.request_ids.push((self.header.clone(), id));
        }
        Flow::Continue
    }

    fn header_filter(&self, context: &mut Context<'_>, response: &mut Parts) {
        let own = context.plugins.request_ids.iter().find(|(header, _)| *header == self.header);
        let Some((_, id)) = own.filter(|_| self.include) else { return };
        if response.headers.get(&self.header).is_none_or(HeaderValue::is_empty) {
            response.headers.insert(self.header.clone(), id.clone());
        }
    }
}

// === impl Maker ===

impl Maker {
    fn range(range: RangeId) -> Result<Self, Error> {
        if range.char_set.len() < 6 || !range.char_set.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::Refused("range_id.char_set needs at least 6 visible ASCII letters".to_owned()));
        }
        // A header has to stay within any server's limit.
        let length = usize::try_from(range.length).ok().filter(|length| (6..=4096).contains(length));
        let length = length.ok_or_else(|| Error::Refused("range_id.length must be from 6 to 4096".to_owned()))?;
        Ok(Self::Letters { letters: range.char_set.into_bytes().into(), length })
    }

    fn make(&self, now_micros: i64) -> String {
        match self {
            Self::Uuid => Uuid::new_v4().to_string(),
            Self::Uuidv7 => Uuid::now_v7().to_string(),
            Self::Ksuid => ksuid(u64::try_from(now_micros / 1_000_000).unwrap_or_default(), rand::random()),
            Self::Letters { letters, length } => {
                let mut random = rand::rng();
                (0..*length).map(|_| char::from(letters[random.random_range(0..letters.len())])).collect()
            }
        }
    }
}

/// 4 bytes of seconds and 16 of chance as one number in base 62.
fn ksuid(seconds: u64, chance: [u8; 16]) -> String {
    let mut number = [0_u8; 20];
    // The seconds begin anew in 2150.
    let seconds = u32::try_from(seconds.saturating_sub(KSUID_EPOCH) & u64::from(u32::MAX)).unwrap_or_default();
    number[..4].copy_from_slice(&seconds.to_be_bytes());
    number[4..].copy_from_slice(&chance);
    let mut digits = [0_u8; KSUID_LENGTH];
    for digit in digits.iter_mut().rev() {
        let mut rest = 0_u32;
        for byte in &mut number {
            let value = rest << 8 | u32::from(*byte);
            // Less than 62 × 256 before, so the quotient is a byte.
            *byte = (value / 62) as u8;
            rest = value % 62;
        }
        *digit = BASE62[rest as usize];
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::{Value, json};

    use super::*;
    use crate::context::tests::with_context;
    use crate::plugin::State;
    use crate::plugins::tests::{compile, decided, filtered, refused};

    /// The id as the upstream and as the client see it.
    fn ids(config: Value, head: http::request::Builder, response: http::response::Builder) -> (String, Option<String>) {
        let plugin = compile::<RequestId>(config, &State::default()).unwrap();
        with_context(head.header("host", "h"), |context| {
            assert!(decided(plugin.rewrite(context)).is_none());
            let sent = context.request.parts.headers[&plugin.header].to_str().unwrap().to_owned();
            let head = filtered(&plugin, context, response.body(()).unwrap());
            (sent, head.headers.get(&plugin.header).map(|id| id.to_str().unwrap().to_owned()))
        })
    }

    #[test]
    fn every_algorithm_makes_ids_of_its_own_that_both_sides_see() {
        let cases = [
            (json!({}), 36),
            (json!({"algorithm": "uuidv7"}), 36),
            (json!({"algorithm": "nanoid"}), 21),
            (json!({"algorithm": "ksuid"}), 27),
            (json!({"algorithm": "range_id"}), 16),
            (json!({"algorithm": "range_id", "range_id": {"char_set": "abcdef", "length": 40}}), 40),
            (json!({"header_name": "X-Own"}), 36),
        ];
        for (config, length) in cases {
            let mut known = HashSet::new();
            for _ in 0..50 {
                let (sent, shown) = ids(config.clone(), http::Request::get("/"), http::Response::builder());
                assert_eq!(sent.len(), length, "{config}");
                assert_eq!(shown.as_ref(), Some(&sent), "{config}");
                assert!(known.insert(sent), "{config}");
            }
        }
    }

    #[test]
    fn the_client_s_id_and_the_upstream_s_answer_are_kept() {
        let own = || http::Request::get("/").header("x-request-id", "mine");
        let plain = http::Response::builder;
        assert_eq!(ids(json!({}), own(), plain()), ("mine".into(), Some("mine".into())));
        assert_eq!(ids(json!({"include_in_response": false}), own(), plain()), ("mine".into(), None));
        let answered = plain().header("x-request-id", "theirs");
        assert_eq!(ids(json!({}), own(), answered), ("mine".into(), Some("theirs".into())));
        let (sent, _) = ids(json!({}), http::Request::get("/").header("x-request-id", ""), plain());
        assert_eq!(sent.len(), 36);
    }

    #[test]
    fn ksuid_is_the_published_one() {
        assert_eq!(ksuid(KSUID_EPOCH, [0; 16]), "0".repeat(27));
        assert_eq!(ksuid(KSUID_EPOCH + u64::from(u32::MAX), [0xff; 16]), "aWgEPTl1tmebfsQzFP4bxwgy80V");
    }

    #[test]
    fn what_cannot_work_is_refused() {
        refused::<RequestId>(&[
            (json!({"algorithm": "snowflake"}), "property \"algorithm\""),
            (json!({"algorithm": "range_id", "range_id": {"length": 5}}), "property \"range_id\""),
            (json!({"algorithm": "range_id", "range_id": {"char_set": "abc"}}), "property \"range_id\""),
            (json!({"header_name": "a b"}), "\"a b\" cannot name a header"),
        ]);
    }
}
