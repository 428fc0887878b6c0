//! Conditions of the model, asked of a request.

use ipnet::IpNet;
use portolan_model::vars;
use serde_json::Value;

use crate::context::Context;
use crate::layer4::Client;

pub use portolan_model::vars::Error;

/// A parsed condition: `vars` of a route, `_meta.filter` of a plugin.
#[derive(Debug, Clone)]
pub struct Expr(vars::Expr);

// === impl Expr ===

impl Expr {
    /// Parses the JSON form; an empty list is always true.
    pub fn compile(rule: &Value) -> Result<Self, Error> {
        vars::Expr::parse(rule).map(Self)
    }

    /// Whether it holds for this request.
    #[must_use]
    pub fn holds(&self, context: &Context<'_>) -> bool {
        self.0.eval(&|name| crate::vars::lookup(context, name))
    }

    /// Whether it holds for a stream of this client.
    #[must_use]
    pub fn holds_for(&self, client: &Client) -> bool {
        self.0.eval(&|name| client.lookup(name).map(Into::into))
    }
}

/// Parses an address or a network.
#[must_use]
pub fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().or_else(|_| text.parse().map(|ip: std::net::IpAddr| IpNet::from(ip))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::tests::with_context;

    #[test]
    fn conditions_are_asked_of_the_request() {
        let head = http::Request::get("/p?n=10&s=Hello").header("host", "a.example").header("x-v", "v1");
        with_context(head, |context| {
            let cases = [
                ("[]", true),
                (r#"[["arg_n","==",10]]"#, true),
                (r#"[["arg_x","==",null]]"#, true),
                (r#"[["arg_s","~*","^hel"]]"#, true),
                (r#"[["arg_s","!","in",["x"]]]"#, true),
                (r#"[["remote_addr","ipmatch",["10.0.0.0/8","192.0.2.0/24"]]]"#, true),
                (r#"[["http_x_v","==","v1"],["host","==","b.example"]]"#, false),
                (r#"["OR",["http_x_v","==","v2"],["request_method","==","GET"]]"#, true),
                (r#"[["scheme","==","https"]]"#, false),
            ];
            for (rule, expected) in cases {
                let expr = Expr::compile(&serde_json::from_str(rule).unwrap()).unwrap();
                assert_eq!(expr.holds(context), expected, "{rule}");
            }
        });
    }
}
