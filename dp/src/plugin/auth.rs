//! What authentication plugins share: their common settings, refusals, the anonymous consumer, and what a request
//! carries once its consumer is known.

use std::borrow::Cow;
use std::sync::Arc;

use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::header::{HeaderName, HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Answer, Error, Flow};
use crate::context::Context;
use crate::request::Request;
use crate::resource::Credential;
use crate::uri;

pub(crate) const CONSUMER_USERNAME: HeaderName = HeaderName::from_static("x-consumer-username");
pub(crate) const CREDENTIAL_IDENTIFIER: HeaderName = HeaderName::from_static("x-credential-identifier");
pub(crate) const CONSUMER_CUSTOM_ID: HeaderName = HeaderName::from_static("x-consumer-custom-id");

/// As nginx decodes: padding and the unused bits of the last character are free.
pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Realm of a challenge: what stands between the quotes.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Realm(#[schemars(length(min = 1, max = 128), regex(pattern = r"^[ -!#-[\]-~]+$"))] String);

/// Name of the consumer that requests without valid credentials are taken for.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Anonymous(#[schemars(length(min = 1))] String);

/// What happens to requests without valid credentials.
#[derive(Debug)]
pub struct Guard {
    challenge: HeaderValue,
    anonymous: Option<Box<str>>,
}

// === impl Realm ===

impl Realm {
    /// The realm that a plugin has unless it is configured.
    #[must_use]
    pub fn new(realm: &str) -> Self {
        Self(realm.to_owned())
    }
}

// === impl Guard ===

impl Guard {
    /// For an authentication scheme, such as `Basic`.
    pub fn compile(scheme: &str, realm: &Realm, anonymous: Option<Anonymous>) -> Result<Self, Error> {
        let challenge = HeaderValue::try_from(format!("{scheme} realm=\"{}\"", realm.0));
        Ok(Self {
            challenge: challenge.map_err(|_| Error::Refused("property \"realm\" cannot be a header".to_owned()))?,
            anonymous: anonymous.map(|name| name.0.into()),
        })
    }

    /// Whether requests without valid credentials are taken for a consumer's.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.anonymous.is_some()
    }

    /// Lets the anonymous consumer in, or refuses with this message.
    pub fn without_consumer<'a>(&self, context: &mut Context<'_>, message: &str) -> Flow<'a> {
        let Some(anonymous) = &self.anonymous else { return self.refuse(message) };
        match context.snapshot.consumer(anonymous) {
            Some(consumer) => {
                attach(context, Arc::new(Credential { consumer, id: None, proof: None }));
                Flow::Continue
            }
            None => {
                tracing::warn!(consumer.name = &**anonymous, "the anonymous consumer does not exist");
                self.refuse("Invalid user authorization")
            }
        }
    }

    fn refuse<'a>(&self, message: &str) -> Flow<'a> {
        let mut answer = Answer::json(StatusCode::UNAUTHORIZED, &json!({ "message": message }));
        answer.headers.insert(WWW_AUTHENTICATE, self.challenge.clone());
        Flow::Respond(answer)
    }
}

/// The upstream learns who calls; whatever the client itself said of that is removed.
pub fn attach(context: &mut Context<'_>, credential: Arc<Credential>) {
    let headers = &mut context.request.parts.headers;
    set_or_remove(headers, CONSUMER_USERNAME, Some(&credential.consumer.username));
    set_or_remove(headers, CREDENTIAL_IDENTIFIER, credential.id.as_deref());
    set_or_remove(headers, CONSUMER_CUSTOM_ID, credential.consumer.custom_id.as_deref());
    context.credential = Some(credential);
}

fn set_or_remove(headers: &mut HeaderMap, name: HeaderName, value: Option<&str>) {
    match value.and_then(|text| HeaderValue::from_str(text).ok()) {
        Some(value) => drop(headers.insert(name, value)),
        None => drop(headers.remove(name)),
    }
}

/// The header of this name. Several lines are none that anybody can read: the upstream may take another one than the gateway.
/// The outer `None`: there is no such header.
#[must_use]
pub fn only_header<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<Option<&'h HeaderValue>> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next()?;
    Some(lines.next().is_none().then_some(first))
}

/// The same for a query argument.
#[must_use]
pub fn only_argument<'r>(request: &'r Request, name: &str) -> Option<Option<Cow<'r, str>>> {
    let mut values = uri::arguments(request.query()?).filter(|(key, _)| key == name);
    let (_, first) = values.next()?;
    Some(values.next().is_none().then_some(first))
}

/// Takes an argument out of the query.
pub fn hide_argument(context: &mut Context<'_>, name: &str) {
    let Some(query) = context.request.query() else { return };
    let kept = uri::without_argument(query, name);
    if kept != query {
        context.request.set_query(&kept);
    }
}

/// Whether two secrets are equal, in a time that does not tell where they differ.
#[must_use]
pub fn same(one: &[u8], other: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one, other).is_ok()
}
