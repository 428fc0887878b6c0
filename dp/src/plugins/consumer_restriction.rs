//! consumer-restriction: which consumers, consumer groups, services or routes a request may be of.
//!
//! ```json
//! {"consumer-restriction": {"whitelist": ["jack"], "rejected_code": 403}}
//! ```

use std::collections::{HashMap, HashSet};

use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::context::Context;
use crate::plugin::{Answer, Error, Flow, Phase, Phases, Plugin, Scope};

/// Configuration.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// what the lists are about
    #[serde(default, rename = "type")]
    pub subject: Subject,
    /// refused
    #[schemars(length(min = 1))]
    pub blacklist: Option<Vec<String>>,
    /// let in; all others are refused
    #[schemars(length(min = 1))]
    pub whitelist: Option<Vec<String>>,
    /// methods that one may use; who is not named here may use all
    pub allowed_by_methods: Option<Vec<Allowed>>,
    /// status of a refusal
    #[serde(default = "Config::rejected_code")]
    #[schemars(range(min = 200))]
    pub rejected_code: i64,
    /// text of a refusal
    pub rejected_msg: Option<String>,
}

/// What the lists are about.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The consumer's name.
    #[default]
    ConsumerName,
    /// The service's id.
    ServiceId,
    /// The route's id.
    RouteId,
    /// The id of the consumer's group.
    ConsumerGroupId,
}

/// Methods of one.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Allowed {
    /// who, by what `type` says
    pub user: Option<String>,
    /// the methods
    #[schemars(length(min = 1))]
    pub methods: Option<Vec<String>>,
}

/// The compiled form.
#[derive(Debug)]
pub struct ConsumerRestriction {
    subject: Subject,
    blacklist: HashSet<String>,
    whitelist: HashSet<String>,
    methods: HashMap<String, Vec<Method>>,
    rejected: Answer,
    unknown: Answer,
}

const METHODS: [&str; 10] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE", "PURGE"];

// === impl Config ===

impl Config {
    fn rejected_code() -> i64 {
        403
    }
}

// === impl Subject ===

impl Subject {
    fn name(self) -> &'static str {
        match self {
            Self::ConsumerName => "consumer_name",
            Self::ServiceId => "service_id",
            Self::RouteId => "route_id",
            Self::ConsumerGroupId => "consumer_group_id",
        }
    }

    fn read<'c>(self, context: &'c Context<'_>) -> Option<&'c str> {
        match self {
            Self::ConsumerName => Some(&context.credential.as_ref()?.consumer.username),
            Self::ServiceId => context.route?.service_id.as_deref(),
            Self::RouteId => Some(&context.route?.id),
            Self::ConsumerGroupId => context.credential.as_ref()?.consumer.group_id.as_deref(),
        }
    }
}

// === impl ConsumerRestriction ===

impl Plugin for ConsumerRestriction {
    const NAME: &'static str = "consumer-restriction";
    const PRIORITY: i64 = 2400;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::ACCESS;

    type Config = Config;

    fn refine_schema(schema: &mut Value) {
        let required = |name: &str| json!({"required": [name]});
        schema["anyOf"] = json!(["blacklist", "whitelist", "allowed_by_methods"].map(required));
        schema["properties"]["allowed_by_methods"]["items"]["properties"]["methods"]["items"]["enum"] = json!(METHODS);
    }

    fn compile(config: Config, _scope: &Scope<'_>) -> Result<Self, Error> {
        let code = u16::try_from(config.rejected_code).ok().and_then(|code| StatusCode::from_u16(code).ok());
        let code = code.ok_or_else(|| Error::Refused("rejected_code must be from 200 to 999".to_owned()))?;
        let name = config.subject.name();
        let message = config.rejected_msg.unwrap_or_else(|| format!("The {name} is forbidden."));
        let unknown = format!("The request is rejected, please check the {name} for this request");
        let mut methods = HashMap::new();
        for Allowed { user, methods: allowed } in config.allowed_by_methods.into_iter().flatten() {
            let Some(user) = user else { continue };
            let allowed = allowed.unwrap_or_default().into_iter();
            let allowed = allowed.map(|method| method.parse().map_err(|_| Error::Refused(format!("method {method}"))));
            // The first that names somebody counts.
            methods.entry(user).or_insert(allowed.collect::<Result<_, _>>()?);
        }
        Ok(Self {
            subject: config.subject,
            blacklist: config.blacklist.into_iter().flatten().collect(),
            whitelist: config.whitelist.into_iter().flatten().collect(),
            methods,
            rejected: Answer::json(code, &json!({ "message": message })),
            unknown: Answer::json(StatusCode::UNAUTHORIZED, &json!({ "message": unknown })),
        })
    }
}

impl Phases for ConsumerRestriction {
    fn access<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        let Some(subject) = self.subject.read(context) else { return Flow::Respond(self.unknown.clone()) };
        if self.allows(subject, &context.request.parts.method) {
            Flow::Continue
        } else {
            Flow::Respond(self.rejected.clone())
        }
    }
}

impl ConsumerRestriction {
    fn allows(&self, subject: &str, method: &Method) -> bool {
        if self.blacklist.contains(subject) {
            return false;
        }
        if self.whitelist.contains(subject) {
            return true;
        }
        self.whitelist.is_empty() && self.methods.get(subject).is_none_or(|allowed| allowed.contains(method))
    }
}

#[cfg(test)]
mod tests;
