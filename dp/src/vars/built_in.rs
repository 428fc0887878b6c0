//! Variables without a parameter.

use std::borrow::Cow;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST};

use crate::context::Context;
use crate::resource::Target;
use crate::tls;
use crate::upstream::Upstream;

/// Variables without a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the nginx and APISIX ones")]
pub enum BuiltIn {
    ServerName,
    Hostname,
    ServerAddr,
    Uri,
    RequestUri,
    RealRequestUri,
    Args,
    IsArgs,
    Host,
    HttpHost,
    RequestMethod,
    RemoteAddr,
    RemotePort,
    PeerAddr,
    PeerPort,
    Scheme,
    ServerPort,
    ServerProtocol,
    ConsumerName,
    ConsumerGroupId,
    RouteId,
    RouteName,
    ServiceId,
    Status,
    UpstreamStatus,
    UpstreamAddr,
    Https,
    ProxyProtocolAddr,
    ProxyProtocolPort,
    ProxyProtocolServerAddr,
    ProxyProtocolServerPort,
    RequestLine,
    RemoteUser,
    ContentType,
    ContentLength,
    UpstreamScheme,
    UpstreamHost,
    UpstreamUri,
    ServiceName,
    Pid,
    Tls(tls::Variable),
}

// === impl BuiltIn ===

impl BuiltIn {
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "uri" | "document_uri" => Self::Uri,
            "request_uri" => Self::RequestUri,
            "real_request_uri" => Self::RealRequestUri,
            "args" | "query_string" => Self::Args,
            "is_args" => Self::IsArgs,
            "server_name" => Self::ServerName,
            "hostname" => Self::Hostname,
            "server_addr" => Self::ServerAddr,
            "host" => Self::Host,
            "http_host" => Self::HttpHost,
            "request_method" | "method" => Self::RequestMethod,
            "remote_addr" => Self::RemoteAddr,
            "remote_port" => Self::RemotePort,
            "realip_remote_addr" => Self::PeerAddr,
            "realip_remote_port" => Self::PeerPort,
            "scheme" => Self::Scheme,
            "server_port" => Self::ServerPort,
            "server_protocol" => Self::ServerProtocol,
            "consumer_name" => Self::ConsumerName,
            "consumer_group_id" => Self::ConsumerGroupId,
            "route_id" => Self::RouteId,
            "route_name" => Self::RouteName,
            "service_id" => Self::ServiceId,
            "status" => Self::Status,
            "upstream_status" => Self::UpstreamStatus,
            "upstream_addr" => Self::UpstreamAddr,
            "https" => Self::Https,
            "proxy_protocol_addr" => Self::ProxyProtocolAddr,
            "proxy_protocol_port" => Self::ProxyProtocolPort,
            "proxy_protocol_server_addr" => Self::ProxyProtocolServerAddr,
            "proxy_protocol_server_port" => Self::ProxyProtocolServerPort,
            "request" | "request_line" => Self::RequestLine,
            "remote_user" => Self::RemoteUser,
            "content_type" => Self::ContentType,
            "content_length" => Self::ContentLength,
            "upstream_scheme" => Self::UpstreamScheme,
            "upstream_host" => Self::UpstreamHost,
            "upstream_uri" => Self::UpstreamUri,
            "service_name" => Self::ServiceName,
            "pid" => Self::Pid,
            name => return tls::Variable::parse(name).map(Self::Tls),
        })
    }

    pub(crate) fn read<'c>(self, context: &'c Context<'_>) -> Option<Cow<'c, str>> {
        let request = &context.request;
        let text = match self {
            Self::Uri => request.path(),
            Self::RequestUri => return Some(request.normal_target()),
            Self::RealRequestUri => request.target(),
            Self::Args => request.query()?,
            Self::IsArgs => request.query().map_or("", |_| "?"),
            // What nginx says when no server block has a name.
            Self::ServerName => "_",
            Self::Hostname => hostname(),
            Self::ServerAddr => return Some(Cow::Owned(request.connection.local.ip().to_canonical().to_string())),
            Self::Host => request.host(),
            Self::HttpHost => match request.header(&HOST) {
                Some(host) => host,
                None => request.parts.uri.authority()?.as_str(),
            },
            Self::RequestMethod => request.parts.method.as_str(),
            Self::RemoteAddr => &request.connection.remote_ip,
            Self::RemotePort => return Some(Cow::Owned(request.connection.remote.port().to_string())),
            Self::PeerAddr => return Some(Cow::Owned(request.connection.peer.ip().to_string())),
            Self::PeerPort => return Some(Cow::Owned(request.connection.peer.port().to_string())),
            Self::Scheme => request.connection.scheme.as_str(),
            Self::ServerPort => return Some(Cow::Owned(request.connection.local.port().to_string())),
            Self::ServerProtocol => match request.parts.version {
                http::Version::HTTP_2 => "HTTP/2.0",
                http::Version::HTTP_10 => "HTTP/1.0",
                _ => "HTTP/1.1",
            },
            Self::ConsumerName => &context.credential.as_ref()?.consumer.username,
            Self::ConsumerGroupId => context.credential.as_ref()?.consumer.group_id.as_deref()?,
            Self::Status => return Some(Cow::Owned(context.status?.as_str().to_owned())),
            Self::UpstreamStatus => {
                let last = context.upstream_status?;
                return Some(context.earlier.listed(|attempted| attempted.status.as_u16(), last.as_u16()).into());
            }
            Self::UpstreamAddr => {
                let last = context.node.as_ref()?.name();
                return Some(context.earlier.listed(|attempted| attempted.node.name(), last).into());
            }
            Self::RouteId => &context.route?.id,
            Self::RouteName => context.route?.name.as_deref()?,
            Self::ServiceId => context.route?.service_id.as_deref()?,
            Self::ProxyProtocolAddr => return Some(request.connection.proxied?.source.ip().to_string().into()),
            Self::ProxyProtocolPort => return Some(request.connection.proxied?.source.port().to_string().into()),
            Self::ProxyProtocolServerAddr => {
                return Some(request.connection.proxied?.destination.ip().to_string().into());
            }
            Self::ProxyProtocolServerPort => {
                return Some(request.connection.proxied?.destination.port().to_string().into());
            }
            Self::RequestLine => {
                let (method, target) = (&request.parts.method, request.target());
                return Some(Cow::Owned(format!("{method} {target} {}", Self::ServerProtocol.read(context)?)));
            }
            Self::RemoteUser => return remote_user(request.header(&AUTHORIZATION)?).map(Cow::Owned),
            Self::ContentType => request.header(&CONTENT_TYPE)?,
            Self::ContentLength => request.header(&CONTENT_LENGTH)?,
            Self::UpstreamScheme => upstream_of(context)?.scheme(),
            Self::UpstreamHost => match &context.upstream_host {
                Some(host) => host.to_str().ok()?,
                None => request.header(&HOST)?,
            },
            Self::UpstreamUri => match &context.upstream_target {
                Some(target) => target.as_str(),
                None => request.target(),
            },
            Self::ServiceName => {
                let id = context.route?.service_id.as_ref()?;
                context.snapshot.services.get(id.as_bytes())?.name.as_deref()?
            }
            Self::Pid => return Some(Cow::Owned(std::process::id().to_string())),
            Self::Https => request.connection.tls.is_some().then_some("on")?,
            Self::Tls(variable) => return variable.read(request.connection.tls.as_deref()?),
        };
        Some(Cow::Borrowed(text))
    }
}

/// The name of this machine.
pub(crate) fn hostname() -> &'static str {
    static NAME: LazyLock<String> =
        LazyLock::new(|| std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned());
    &NAME
}

/// Who basic authentication names, believed or not.
fn remote_user(authorization: &str) -> Option<String> {
    let (scheme, credentials) = authorization.split_once(' ')?;
    let decoded = STANDARD.decode(credentials.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let text = String::from_utf8(decoded).ok()?;
    text.split_once(':').map(|(user, _)| user.to_owned()).filter(|user| !user.is_empty())
}

fn upstream_of<'c>(context: &'c Context<'_>) -> Option<&'c Upstream> {
    match (&context.upstream, &context.route?.target) {
        (Some(upstream), _) | (None, Target::Upstream(upstream)) => Some(upstream),
        _ => None,
    }
}
