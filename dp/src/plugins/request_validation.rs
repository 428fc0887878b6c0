//! request-validation: lets only requests pass whose headers and body match a JSON schema.
//!
//! ```json
//! {"request-validation": {"body_schema": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}}}
//! ```

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use portolan_model::schema::{Schema, Secrets};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::plugin::{Answer, Error, Flow, Phase, Phases, Plugin, Scope};
use crate::uri;

/// Configuration on routes and services.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// JSON schema of the headers, an object with lower-case names
    pub header_schema: Option<Map<String, Value>>,
    /// JSON schema of the body, JSON or a form
    pub body_schema: Option<Map<String, Value>>,
    /// status of a refusal
    #[serde(default = "Config::rejected_code")]
    #[schemars(range(min = 200, max = 599))]
    pub rejected_code: u16,
    /// text of a refusal; without it what is wrong
    #[schemars(length(min = 1, max = 256))]
    pub rejected_msg: Option<String>,
    /// bytes of a body that is looked at; larger ones are refused
    #[serde(default = "Config::max_req_body_size")]
    #[schemars(range(min = 1))]
    pub max_req_body_size: u64,
}

/// The compiled form.
#[derive(Debug)]
pub struct RequestValidation {
    headers: Option<Schema>,
    body: Option<Schema>,
    status: StatusCode,
    message: Option<Bytes>,
    limit: u64,
}

// === impl Config ===

impl Config {
    fn rejected_code() -> u16 {
        400
    }

    fn max_req_body_size() -> u64 {
        64 << 20
    }
}

// === impl RequestValidation ===

impl Plugin for RequestValidation {
    const NAME: &'static str = "request-validation";
    const PRIORITY: i64 = 2800;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::REWRITE;

    type Config = Config;

    fn refine_schema(schema: &mut Value) {
        schema["anyOf"] = json!([{"required": ["header_schema"]}, {"required": ["body_schema"]}]);
    }

    fn compile(config: Config, _scope: &Scope<'_>) -> Result<Self, Error> {
        let schema = |schema: Map<String, Value>| {
            Schema::compile(&Value::Object(schema), Secrets::Unknown).map_err(|e| Error::Refused(e.to_string()))
        };
        let status = StatusCode::from_u16(config.rejected_code);
        Ok(Self {
            headers: config.header_schema.map(schema).transpose()?,
            body: config.body_schema.map(schema).transpose()?,
            status: status.map_err(|_| Error::Refused("rejected_code must be from 200 to 599".to_owned()))?,
            message: config.rejected_msg.map(Bytes::from),
            limit: config.max_req_body_size,
        })
    }
}

impl Phases for RequestValidation {
    fn rewrite<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        if let Some(schema) = &self.headers
            && let Err(violation) = schema.check(&headers(&context.request.parts.headers))
        {
            return Flow::Respond(self.refuse(violation.to_string()));
        }
        match &self.body {
            None => Flow::Continue,
            Some(schema) => Flow::Wait(Box::pin(async move {
                match self.check_body(schema, context).await {
                    Ok(()) => Flow::Continue,
                    Err(answer) => Flow::Respond(answer),
                }
            })),
        }
    }
}

impl RequestValidation {
    async fn check_body(&self, schema: &Schema, context: &mut Context<'_>) -> Result<(), Answer> {
        let mut types = context.request.parts.headers.get_all(CONTENT_TYPE).iter();
        let content_type = types.next().and_then(|value| value.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
        // With two of them the upstream may read the body otherwise than it is read here.
        if types.next().is_some() {
            return Err(self.refuse(String::new()));
        }
        let body = match context.hold_body_up_to(self.limit).await {
            Ok(body) if !body.is_empty() => body,
            // No body, or one that is too large, is one that does not match.
            Ok(_) => return Err(self.refuse(String::new())),
            Err(answer) if answer.status == StatusCode::PAYLOAD_TOO_LARGE => return Err(self.refuse(String::new())),
            Err(answer) => return Err(answer),
        };
        if content_type.starts_with("application/x-www-form-urlencoded") {
            // Bytes that are no text are looked at in the place of text, as those that are escaped are.
            let form = Value::Object(uri::object(&String::from_utf8_lossy(&body)));
            return schema.check(&form).map_err(|violation| self.refuse(violation.to_string()));
        }
        let mut document: Value = serde_json::from_slice(&body).map_err(|e| self.refuse(e.to_string()))?;
        schema.fill(&mut document).map_err(|violation| self.refuse(violation.to_string()))?;
        // The upstream gets what was checked: of two equal names in an object it might have taken the other.
        context.set_body(Bytes::from(document.to_string()));
        Ok(())
    }

    fn refuse(&self, reason: String) -> Answer {
        let mut answer = Answer::empty(self.status);
        answer.body = self.message.clone().unwrap_or_else(|| Bytes::from(reason));
        answer
    }
}

/// Headers of several lines are lists.
fn headers(headers: &HeaderMap) -> Value {
    let text = |value: &HeaderValue| Value::from(String::from_utf8_lossy(value.as_bytes()));
    Value::Object(uri::grouped(headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value)))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::State;
    use crate::plugins::tests::{compile, refused};
    use crate::snapshot::Snapshot;
    use crate::upstream::body::RequestBody;

    /// The body that the upstream gets, or status and body of the refusal.
    async fn ask(config: &Value, head: http::request::Builder, body: &'static str) -> Result<String, (u16, String)> {
        let plugin = compile::<RequestValidation>(config.clone(), &State::default()).unwrap();
        let snapshot = Snapshot::default();
        let request = crate::request::tests::request(head.header("host", "h"));
        let mut context = Context::new(request, &snapshot, 0);
        context.body = RequestBody::held(Bytes::from_static(body.as_bytes()));
        let flow = match plugin.rewrite(&mut context) {
            Flow::Wait(waiting) => waiting.await,
            flow => flow,
        };
        if let Flow::Respond(answer) = flow {
            return Err((answer.status.as_u16(), String::from_utf8(answer.body.to_vec()).unwrap()));
        }
        drop(flow);
        Ok(String::from_utf8(context.hold_body().await.unwrap().to_vec()).unwrap())
    }

    #[tokio::test]
    async fn bodies_and_headers_must_match() {
        let name = json!({"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "minLength": 2}, "kind": {"default": "x"}}});
        let body = json!({"body_schema": name});
        let flag = json!({"body_schema": {"required": ["on"], "properties": {"on": {"const": true}}}});
        let get = || http::Request::post("/");
        let form = || get().header("content-type", "Application/x-www-form-urlencoded; charset=utf-8");
        let cases = [
            (body.clone(), get(), r#"{"name": "jack"}"#, Ok(r#"{"name":"jack","kind":"x"}"#)),
            (body.clone(), get(), r#"{"name": "x", "name": "jack"}"#, Ok(r#"{"name":"jack","kind":"x"}"#)),
            (body.clone(), get(), r#"{"name": "x"}"#, Err((400, "property \"name\" validation failed"))),
            (body.clone(), get(), "{}", Err((400, "property \"name\" is required"))),
            (body.clone(), get(), "{", Err((400, "EOF while parsing"))),
            (body.clone(), get(), "", Err((400, ""))),
            (body.clone(), form(), "name=jack&x=1&x=2", Ok("name=jack&x=1&x=2")),
            (body.clone(), form(), "name=a&name=b", Err((400, "property \"name\" validation failed"))),
            (body.clone(), form(), "name", Err((400, "property \"name\" validation failed"))),
            (body.clone(), form(), "x&name=jack", Ok("x&name=jack")),
            (flag.clone(), form(), "on", Ok("on")),
            (flag.clone(), form(), "on=", Err((400, "property \"on\" validation failed"))),
            (flag, form(), "=x", Err((400, "property \"on\" is required"))),
            (body.clone(), form().header("content-type", "text/plain"), "name=jack", Err((400, ""))),
            (json!({"body_schema": name, "rejected_code": 422, "rejected_msg": "no"}), get(), "{}", Err((422, "no"))),
            (json!({"body_schema": name, "max_req_body_size": 5}), get(), r#"{"name": "jack"}"#, Err((400, ""))),
            (json!({"header_schema": {"required": ["x-a"]}}), get(), "any", Err((400, "property \"x-a\" is required"))),
            (json!({"header_schema": {"required": ["x-a"]}}), get().header("X-A", "1"), "any", Ok("any")),
            (
                json!({"header_schema": {"properties": {"x-a": {"type": "array"}}}}),
                get().header("x-a", "1").header("x-a", "2"),
                "",
                Ok(""),
            ),
        ];
        for (config, head, sent, expected) in cases {
            match (ask(&config, head, sent).await, expected) {
                (Ok(got), Ok(expected)) => assert_eq!(got, expected, "{config} {sent}"),
                (Err((status, text)), Err((expected, start))) => {
                    assert!(status == expected && text.starts_with(start), "{config} {sent}: {status} {text}");
                }
                (got, expected) => panic!("{config} {sent}: {got:?} in place of {expected:?}"),
            }
        }
    }

    #[test]
    fn what_is_no_schema_is_refused() {
        refused::<RequestValidation>(&[
            (json!({}), ""),
            (json!({"body_schema": {"type": "nothing"}}), ""),
            (json!({"body_schema": {"required": "a"}}), ""),
            (json!({"body_schema": {}, "rejected_code": 600}), "property \"rejected_code\""),
            (json!({"body_schema": {}, "rejected_msg": ""}), "property \"rejected_msg\""),
        ]);
    }
}
