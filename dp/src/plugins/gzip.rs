//! gzip: compresses responses for clients that take it.
//!
//! ```json
//! {"gzip": {"types": ["text/html", "application/json"], "min_length": 200, "comp_level": 5, "vary": true}}
//! ```
//! The conditions are those of nginx's gzip module.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, VARY,
};
use http::response::Parts;
use http::{Method, StatusCode, Version};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::context::Context;
use crate::plugin::{BodyFilter, Error, Phase, Phases, Plugin, Scope};

/// Configuration on routes and services.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// media types that are compressed; "*" for all
    pub types: Types,
    /// bytes of a body from which it is worth it
    #[schemars(range(min = 1))]
    pub min_length: u64,
    /// from 1, fast, to 9, small
    #[schemars(range(min = 1, max = 9))]
    pub comp_level: u32,
    /// lowest version of a request whose response is compressed
    pub http_version: f64,
    /// buffers of nginx; accepted, and without meaning here
    pub buffers: Buffers,
    /// say to caches that the response depends on Accept-Encoding
    pub vary: Option<bool>,
}

/// Media types.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Types {
    /// These.
    Some(Vec<String>),
    /// `*`.
    All(String),
}

/// Buffers.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct Buffers {
    /// how many
    #[schemars(range(min = 1))]
    pub number: i64,
    /// bytes of each
    #[schemars(range(min = 1))]
    pub size: i64,
}

/// The compiled form.
#[derive(Debug)]
pub struct Gzip {
    /// `None` for all.
    types: Option<Vec<Box<str>>>,
    min_length: u64,
    level: Compression,
    from: Version,
    vary: bool,
}

/// One response's body.
struct Compressed {
    encoder: GzEncoder<Vec<u8>>,
    /// Whether each piece goes out at once: nobody knows when the next one comes.
    flush: bool,
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Self {
            types: Types::Some(vec!["text/html".to_owned()]),
            min_length: 20,
            comp_level: 1,
            http_version: 1.1,
            buffers: Buffers::default(),
            vary: None,
        }
    }
}

impl Default for Buffers {
    fn default() -> Self {
        Self { number: 32, size: 4096 }
    }
}

// === impl Gzip ===

impl Plugin for Gzip {
    const NAME: &'static str = "gzip";
    const PRIORITY: i64 = 995;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::HEADER_FILTER.and(Phase::BODY_FILTER);

    type Config = Config;

    fn refine_schema(schema: &mut Value) {
        schema["properties"]["types"] = json!({
            "description": "media types that are compressed; \"*\" for all", "default": ["text/html"],
            "anyOf": [{"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}}, {"enum": ["*"]}],
        });
        schema["properties"]["http_version"]["enum"] = json!([1.1, 1.0]);
    }

    fn compile(config: Config, _scope: &Scope<'_>) -> Result<Self, Error> {
        let types = match config.types {
            Types::Some(types) => Some(types.into_iter().map(Into::into).collect()),
            Types::All(star) if star == "*" => None,
            Types::All(other) => return Err(Error::Refused(format!("types must be a list or \"*\", not {other:?}"))),
        };
        Ok(Self {
            types,
            min_length: config.min_length,
            level: Compression::new(config.comp_level.clamp(1, 9)),
            from: if config.http_version > 1.05 { Version::HTTP_11 } else { Version::HTTP_10 },
            vary: config.vary.unwrap_or(false),
        })
    }
}

impl Phases for Gzip {
    fn header_filter(&self, context: &mut Context<'_>, response: &mut Parts) {
        context.plugins.gzip = false;
        if !self.applies(context, response) {
            return;
        }
        let headers = &mut response.headers;
        if self.vary {
            headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        if !accepts(&context.request.parts.headers) {
            return;
        }
        context.plugins.gzip = true;
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        headers.remove(ACCEPT_RANGES);
        // The bytes are others now, the meaning is the same.
        if let Some(weak) = headers.get(ETAG).and_then(weak) {
            headers.insert(ETAG, weak);
        }
    }

    fn body_filter(&self, context: &mut Context<'_>, response: &mut Parts) -> Option<Box<dyn BodyFilter>> {
        if !std::mem::take(&mut context.plugins.gzip) || context.request.parts.method == Method::HEAD {
            return None;
        }
        let flush = !response.headers.contains_key(CONTENT_LENGTH);
        Some(Box::new(Compressed { encoder: GzEncoder::new(Vec::new(), self.level), flush }))
    }
}

impl Gzip {
    fn applies(&self, context: &Context<'_>, response: &Parts) -> bool {
        let headers = &response.headers;
        let length = || headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse::<u64>().ok();
        matches!(response.status, StatusCode::OK | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND)
            && context.request.parts.version >= self.from
            && !headers.contains_key(CONTENT_ENCODING)
            && self.is_of_type(headers)
            && length().is_none_or(|length| length >= self.min_length)
    }

    fn is_of_type(&self, headers: &HeaderMap) -> bool {
        let Some(given) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
        let media = given.split(';').next().unwrap_or(given).trim();
        self.types.as_ref().is_none_or(|types| types.iter().any(|one| media.eq_ignore_ascii_case(one)))
    }
}

// === impl Compressed ===

impl BodyFilter for Compressed {
    fn piece(&mut self, piece: Bytes) -> Bytes {
        if piece.is_empty() {
            return piece;
        }
        // Writing to memory does not fail.
        let written =
            self.encoder.write_all(&piece).and_then(|()| if self.flush { self.encoder.flush() } else { Ok(()) });
        debug_assert!(written.is_ok(), "{written:?}");
        std::mem::take(self.encoder.get_mut()).into()
    }

    fn end(&mut self) -> Bytes {
        let finished = self.encoder.try_finish();
        debug_assert!(finished.is_ok(), "{finished:?}");
        std::mem::take(self.encoder.get_mut()).into()
    }
}

/// Whether the client takes gzip: by name or by `*`, and not with a quality of 0 (RFC 9110 12.5.3).
fn accepts(headers: &HeaderMap) -> bool {
    let mut any = None;
    for value in headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()) {
        for coding in value.split(',') {
            let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
            let refused = parameters.trim().strip_prefix("q=").is_some_and(|q| q.trim().parse() == Ok(0.0_f32));
            match name.trim().to_ascii_lowercase().as_str() {
                "gzip" | "x-gzip" => return !refused,
                "*" => any = Some(!refused),
                _ => {}
            }
        }
    }
    any.unwrap_or(false)
}

fn weak(etag: &HeaderValue) -> Option<HeaderValue> {
    let text = etag.to_str().ok().filter(|text| !text.starts_with("W/"))?;
    HeaderValue::try_from(format!("W/{text}")).ok()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::MultiGzDecoder;

    use super::*;
    use crate::context::tests::with_context;
    use crate::plugin::State;
    use crate::plugins::tests::{compile, filtered, refused};

    /// The head that the client gets, and the body as it reads it: decompressed if the head says so.
    fn respond(config: &Value, accept: &str, response: http::response::Builder, pieces: &[&str]) -> (Parts, String) {
        let plugin = compile::<Gzip>(config.clone(), &State::default()).unwrap();
        let head = http::Request::get("/").header("host", "h").header("accept-encoding", accept);
        with_context(head, |context| {
            let mut head = filtered(&plugin, context, response.body(()).unwrap());
            let Some(mut filter) = plugin.body_filter(context, &mut head) else { return (head, pieces.concat()) };
            let mut packed = Vec::new();
            for piece in pieces {
                packed.extend_from_slice(&filter.piece(Bytes::copy_from_slice(piece.as_bytes())));
            }
            packed.extend_from_slice(&filter.end());
            let mut text = String::new();
            MultiGzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
            (head, text)
        })
    }

    #[test]
    fn bodies_are_compressed_when_client_and_response_allow_it() {
        let html = || http::Response::builder().header("content-type", "text/html; charset=utf-8");
        let json = || http::Response::builder().header("content-type", "application/json");
        let plain = json!({});
        let cases = [
            (&plain, "gzip", html(), true),
            (&plain, "br, GZIP;q=0.5", html(), true),
            (&plain, "*", html(), true),
            (&plain, "*;q=0, gzip", html(), true),
            (&plain, "gzip;q=0", html(), false),
            (&plain, "br", html(), false),
            (&plain, "gzip", json(), false),
            (&plain, "gzip", http::Response::builder(), false),
            (&plain, "gzip", html().status(404), true),
            (&plain, "gzip", html().status(500), false),
            (&plain, "gzip", html().header("content-encoding", "br"), false),
            (&plain, "gzip", html().header("content-length", "19"), false),
            (&plain, "gzip", html().header("content-length", "20"), true),
            (&json!({"types": "*"}), "gzip", json(), true),
            (&json!({"types": ["application/json"]}), "gzip", json(), true),
            (&json!({"min_length": 5}), "gzip", html().header("content-length", "5"), true),
        ];
        for (config, accept, response, packed) in cases {
            let shown = format!("{config} {accept} {response:?}");
            let (head, text) = respond(config, accept, response, &["hello ", "", "world"]);
            let encoding = head.headers.get(CONTENT_ENCODING).map(|value| value.to_str().unwrap());
            assert_eq!(encoding == Some("gzip"), packed, "{shown}");
            assert_eq!(text, "hello world", "{shown}");
        }
    }

    #[test]
    fn a_stream_goes_out_piece_by_piece() {
        let plugin = compile::<Gzip>(json!({"types": "*", "vary": true}), &State::default()).unwrap();
        let head = http::Request::get("/").header("host", "h").header("accept-encoding", "gzip");
        with_context(head, |context| {
            let response =
                http::Response::builder().header("content-type", "text/event-stream").header("etag", "\"1\"");
            let mut head = filtered(&plugin, context, response.body(()).unwrap());
            assert_eq!(
                (&head.headers[VARY], &head.headers[ETAG]),
                (&HeaderValue::from_static("Accept-Encoding"), &HeaderValue::from_static("W/\"1\""))
            );
            let mut filter = plugin.body_filter(context, &mut head).unwrap();
            let first = filter.piece(Bytes::from_static(b"data: 1\n\n"));
            let mut text = [0; 9];
            MultiGzDecoder::new(&first[..]).read_exact(&mut text).unwrap();
            assert_eq!(&text, b"data: 1\n\n");
        });
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        refused::<Gzip>(&[
            (json!({"types": []}), "property \"types\""),
            (json!({"types": "text/html"}), "property \"types\""),
            (json!({"comp_level": 10}), "property \"comp_level\""),
            (json!({"min_length": 0}), "property \"min_length\""),
            (json!({"http_version": 2}), "property \"http_version\""),
            (json!({"buffers": {"size": 0}}), "property \"buffers\""),
        ]);
    }
}
