//! redirect: sends the client elsewhere.
//!
//! ```json
//! {"redirect": {"http_to_https": true}}
//! {"redirect": {"uri": "/new$uri", "ret_code": 301, "append_query_string": true}}
//! {"redirect": {"regex_uri": ["^/old/(.*)$", "/new/$1"]}}
//! ```

use http::header::{HeaderName, HeaderValue, LOCATION};
use http::{Method, StatusCode};
use portolan_model::pattern::Case;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::plugin::{Answer, Error, Flow, Phase, Phases, Plugin, Scope};
use crate::request::Scheme;
use crate::substitute::Substitution;
use crate::uri;
use crate::vars::Template;

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Configuration on routes and services.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// send plain requests to https, with 301 or 308
    pub http_to_https: Option<bool>,
    /// where to; may hold variables
    #[schemars(length(min = 2))]
    pub uri: Option<String>,
    /// regular expression on the path, and where a request that it matches is sent to
    #[schemars(length(min = 2, max = 2))]
    pub regex_uri: Option<Vec<String>>,
    /// status of the answer
    #[schemars(range(min = 200))]
    pub ret_code: u16,
    /// percent-encode the new path
    pub encode_uri: bool,
    /// append the request's query
    pub append_query_string: bool,
}

/// The compiled form.
#[derive(Debug)]
pub struct Redirect {
    to_https: Option<Template>,
    target: Option<Target>,
    status: StatusCode,
    encode: bool,
    append_query: bool,
}

#[derive(Debug)]
enum Target {
    Template(Template),
    Regex(Substitution),
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Self {
            http_to_https: None,
            uri: None,
            regex_uri: None,
            ret_code: 302,
            encode_uri: false,
            append_query_string: false,
        }
    }
}

// === impl Redirect ===

impl Plugin for Redirect {
    const NAME: &'static str = "redirect";
    const PRIORITY: i64 = 900;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::REWRITE;

    type Config = Config;

    fn refine_schema(schema: &mut Value) {
        let required = |name: &str| json!({"required": [name]});
        schema["oneOf"] = Value::Array(["uri", "regex_uri", "http_to_https"].map(required).to_vec());
    }

    fn compile(config: Config, scope: &Scope<'_>) -> Result<Self, Error> {
        let to_https = config.http_to_https.unwrap_or(false);
        if to_https && config.append_query_string {
            let reason = "only one of `http_to_https` and `append_query_string` can be configured.";
            return Err(Error::Refused(reason.to_owned()));
        }
        let target = match (&config.uri, config.regex_uri.as_deref()) {
            (Some(uri), _) => Some(Target::Template(Template::parse(&braced(uri)))),
            (None, Some([pattern, replacement])) => {
                let substitution = Substitution::compile(pattern, replacement, Case::Sensitive);
                let invalid = |e| Error::Refused(format!("invalid regex_uri ({pattern}, {replacement}), err:{e}"));
                Some(Target::Regex(substitution.map_err(invalid)?))
            }
            (None, _) => None,
        };
        let port = scope.state.surroundings().https_port.filter(|port| *port != 443);
        // The same again: clients that follow need no other spelling than their own.
        let https = port.map_or("https://$host$real_request_uri".to_owned(), |port| {
            format!("https://$host:{port}$real_request_uri")
        });
        let status = StatusCode::from_u16(config.ret_code);
        Ok(Self {
            to_https: to_https.then(|| Template::parse(&https)),
            target,
            status: status.map_err(|_| Error::Refused("ret_code must be below 1000".to_owned()))?,
            encode: config.encode_uri,
            append_query: config.append_query_string,
        })
    }
}

impl Phases for Redirect {
    fn rewrite<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        let plain = || match context.request.header(&X_FORWARDED_PROTO) {
            Some(proto) => proto != "https",
            None => context.request.connection.scheme != Scheme::Https,
        };
        let (to, status) = match (&self.to_https, &self.target) {
            (Some(https), _) if plain() => (https.render(context).0, self.status_to_https(context)),
            (_, Some(Target::Template(template))) => (template.render(context).0, self.status),
            (_, Some(Target::Regex(substitution))) => {
                let Some(replaced) = substitution.first(context.request.path().as_bytes()) else {
                    return Flow::Continue;
                };
                (String::from_utf8_lossy(&replaced).into_owned(), self.status)
            }
            _ => return Flow::Continue,
        };
        let mut answer = Answer::empty(status);
        match HeaderValue::try_from(self.finish(to, context)) {
            Ok(to) => drop(answer.headers.insert(LOCATION, to)),
            // A line feed out of the decoded path: no Location that a client could take apart.
            Err(_) => answer.status = StatusCode::BAD_REQUEST,
        }
        Flow::Respond(answer)
    }
}

impl Redirect {
    /// Permanent, and the method stays what it is.
    fn status_to_https(&self, context: &Context<'_>) -> StatusCode {
        match context.request.parts.method {
            Method::GET | Method::HEAD => StatusCode::MOVED_PERMANENTLY,
            _ => StatusCode::PERMANENT_REDIRECT,
        }
    }

    fn finish(&self, mut to: String, context: &Context<'_>) -> String {
        let query_at = to.find('?');
        if self.encode {
            let (path, query) = to.split_at(query_at.unwrap_or(to.len()));
            to = format!("{}{query}", uri::encode(path));
        }
        if let Some(query) = context.request.query().filter(|_| self.append_query) {
            to.push(if query_at.is_some() { '&' } else { '?' });
            to.push_str(query);
        }
        to
    }
}

/// The target with its variables in braces. In redirects a name ends before a dot: `/new$uri.html`.
fn braced(target: &str) -> String {
    let mut out = String::with_capacity(target.len() + 4);
    let mut rest = target;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
        let (name, remaining) = after.split_at(end);
        match name {
            "" => out.push('$'),
            _ if before.ends_with('\\') => out.extend(["$", name]),
            _ => out.extend(["${", name, "}"]),
        }
        rest = remaining;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::tests::with_context;
    use crate::plugin::{State, Surroundings};
    use crate::plugins::tests::{compile, decided, refused};

    #[test]
    fn clients_are_sent_where_the_configuration_says() {
        let plain = || http::Request::get("/old/a%20b?x=1").header("host", "h:9080");
        let https = || plain().header("x-forwarded-proto", "https");
        let posted = || plain().method("POST");
        let to = |status, location: &str| Some((status, location.to_owned()));
        let cases = [
            (json!({"uri": "/new$uri"}), plain(), to(302, "/new/old/a b")),
            (json!({"uri": "/new$uri", "encode_uri": true}), plain(), to(302, "/new/old/a%20b")),
            (json!({"uri": "/new?y=2", "append_query_string": true}), plain(), to(302, "/new?y=2&x=1")),
            (json!({"uri": "/new", "append_query_string": true, "ret_code": 301}), plain(), to(301, "/new?x=1")),
            (json!({"uri": "https://${host}/$arg_x/$arg_none"}), plain(), to(302, "https://h/1/")),
            (json!({"uri": "/$arg_x.html$arg_x"}), plain(), to(302, "/1.html1")),
            (json!({"uri": "$scheme://$host.example/${arg_x}.a"}), plain(), to(302, "http://h.example/1.a")),
            (json!({"uri": "/$$/$/$arg_x/\\$arg_x"}), plain(), to(302, "/$$/$/1/\\$arg_x")),
            (json!({"regex_uri": ["^/old/(.*)$", "/new/$1"]}), plain(), to(302, "/new/a b")),
            (json!({"regex_uri": ["^/other/(.*)$", "/new/$1"]}), plain(), None),
            (json!({"http_to_https": true}), plain(), to(301, "https://h:9443/old/a%20b?x=1")),
            (json!({"http_to_https": true}), posted(), to(308, "https://h:9443/old/a%20b?x=1")),
            (json!({"http_to_https": true}), https(), None),
            (json!({"http_to_https": false}), plain(), None),
        ];
        let state = State::new(Surroundings { https_port: Some(9443), ..Surroundings::default() });
        for (config, head, expected) in cases {
            let plugin = compile::<Redirect>(config.clone(), &state).unwrap();
            with_context(head, |context| {
                let answer = decided(plugin.rewrite(context));
                let location =
                    |answer: Answer| (answer.status.as_u16(), answer.headers[LOCATION].to_str().unwrap().to_owned());
                assert_eq!(answer.map(location), expected, "{config}");
            });
        }
    }

    #[test]
    fn a_line_feed_of_the_path_makes_no_header() {
        let plugin = compile::<Redirect>(json!({"uri": "/x$uri"}), &State::default()).unwrap();
        with_context(http::Request::get("/a%0d%0aset-cookie:x").header("host", "h"), |context| {
            assert_eq!(decided(plugin.rewrite(context)).unwrap().status, 400);
        });
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        refused::<Redirect>(&[
            (json!({}), ""),
            (json!({"uri": "/a", "http_to_https": true}), ""),
            (json!({"uri": "/"}), "property \"uri\""),
            (json!({"regex_uri": ["a"]}), "property \"regex_uri\""),
            (json!({"regex_uri": ["(", "b"]}), "invalid regex_uri"),
            (json!({"uri": "/ab", "ret_code": 199}), "property \"ret_code\""),
            (json!({"http_to_https": true, "append_query_string": true}), "only one of `http_to_https`"),
        ]);
    }
}
