//! Where a request shows its token.

use http::HeaderValue;
use http::header::{COOKIE, HeaderName};

use crate::context::Context;
use crate::plugin::auth;

/// A header, a query argument and a cookie, asked in this order.
#[derive(Debug)]
pub(super) struct Places {
    /// None for a name that no header can have: it is never found, as in APISIX.
    pub(super) header: Option<HeaderName>,
    pub(super) query: String,
    pub(super) cookie: String,
    /// Whether the token is taken out of the request.
    pub(super) hide: bool,
}

// === impl Places ===

impl Places {
    /// The token; an empty one stands for several. It is hidden whatever comes of it.
    pub(super) fn take(&self, context: &mut Context<'_>) -> Option<String> {
        if let Some(name) = &self.header
            && let Some(value) = auth::only_header(&context.request.parts.headers, name)
        {
            let text = value.and_then(|value| value.to_str().ok()).unwrap_or_default();
            let bare = text.strip_prefix("Bearer ").or_else(|| text.strip_prefix("bearer "));
            let token = bare.unwrap_or(text).to_owned();
            if self.hide {
                context.request.parts.headers.remove(name);
            }
            return Some(token);
        }
        if let Some(token) = auth::only_argument(&context.request, &self.query) {
            let token = token.unwrap_or_default().into_owned();
            if self.hide {
                auth::hide_argument(context, &self.query);
            }
            return Some(token);
        }
        let token = context.request.cookie(&self.cookie)?.to_owned();
        if self.hide {
            hide_cookie(context, &self.cookie);
        }
        Some(token)
    }
}

/// Takes a cookie out of the request.
fn hide_cookie(context: &mut Context<'_>, name: &str) {
    let headers = &mut context.request.parts.headers;
    let is_hidden = |pair: &&str| pair.trim_start().split_once('=').is_some_and(|(key, _)| key == name);
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let kept: Vec<_> = lines.flat_map(|line| line.split(';')).filter(|pair| !is_hidden(pair)).map(str::trim).collect();
    let kept = HeaderValue::try_from(kept.join("; "));
    headers.remove(COOKIE);
    if let Ok(kept) = kept
        && !kept.is_empty()
    {
        headers.insert(COOKIE, kept);
    }
}
