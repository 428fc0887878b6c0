//! The plugins of this gateway, in running order. A plugin is one file here and one line in the list.

use crate::plugin::{Factory, Of};

pub mod api_breaker;
pub mod basic_auth;
pub mod consumer_restriction;
pub mod cors;
pub mod csrf;
pub mod echo;
pub mod fault_injection;
pub mod forward_auth;
pub mod gzip;
pub mod hmac_auth;
pub mod http_logger;
pub mod ip_restriction;
pub mod jwt_auth;
pub mod key_auth;
pub mod limit_conn;
pub mod limit_count;
pub mod limit_req;
pub mod mocking;
pub mod multi_auth;
pub mod prometheus;
pub mod proxy_rewrite;
pub mod real_ip;
pub mod redirect;
pub mod referer_restriction;
pub mod request_id;
pub mod request_validation;
pub mod response_rewrite;
pub mod server_info;
pub mod traffic_split;
pub mod ua_restriction;
pub mod uri_blocker;

use api_breaker::ApiBreaker;
use basic_auth::BasicAuth;
use consumer_restriction::ConsumerRestriction;
use cors::Cors;
use csrf::Csrf;
use echo::Echo;
use fault_injection::FaultInjection;
use forward_auth::ForwardAuth;
use gzip::Gzip;
use hmac_auth::HmacAuth;
use http_logger::HttpLogger;
use ip_restriction::IpRestriction;
use jwt_auth::JwtAuth;
use key_auth::KeyAuth;
use limit_conn::LimitConn;
use limit_count::LimitCount;
use limit_req::LimitReq;
use mocking::Mocking;
use multi_auth::MultiAuth;
use prometheus::Prometheus;
use proxy_rewrite::ProxyRewrite;
use real_ip::RealIp;
use redirect::Redirect;
use referer_restriction::RefererRestriction;
use request_id::RequestId;
use request_validation::RequestValidation;
use response_rewrite::ResponseRewrite;
use server_info::ServerInfo;
use traffic_split::TrafficSplit;
use ua_restriction::UaRestriction;
use uri_blocker::UriBlocker;

/// All plugins, highest priority first.
pub static PLUGINS: &[&dyn Factory] = &[
    &Of::<RealIp>::NEW,
    &Of::<RequestId>::NEW,
    &Of::<FaultInjection>::NEW,
    &Of::<Mocking>::NEW,
    &Of::<Cors>::NEW,
    &Of::<IpRestriction>::NEW,
    &Of::<UaRestriction>::NEW,
    &Of::<RefererRestriction>::NEW,
    &Of::<Csrf>::NEW,
    &Of::<UriBlocker>::NEW,
    &Of::<RequestValidation>::NEW,
    &Of::<MultiAuth>::NEW,
    &Of::<HmacAuth>::NEW,
    &Of::<BasicAuth>::NEW,
    &Of::<JwtAuth>::NEW,
    &Of::<KeyAuth>::NEW,
    &Of::<ConsumerRestriction>::NEW,
    &Of::<ForwardAuth>::NEW,
    &Of::<ProxyRewrite>::NEW,
    &Of::<ApiBreaker>::NEW,
    &Of::<LimitConn>::NEW,
    &Of::<LimitCount>::NEW,
    &Of::<LimitReq>::NEW,
    &Of::<Gzip>::NEW,
    &Of::<ServerInfo>::NEW,
    &Of::<TrafficSplit>::NEW,
    &Of::<Redirect>::NEW,
    &Of::<ResponseRewrite>::NEW,
    &Of::<Prometheus>::NEW,
    &Of::<Echo>::NEW,
    &Of::<HttpLogger>::NEW,
];

/// The plugin of this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static dyn Factory> {
    PLUGINS.iter().find(|plugin| plugin.name() == name).copied()
}

#[cfg(test)]
pub(crate) mod tests;
