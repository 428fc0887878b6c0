//! The JSON gateway: etcd's API for those who speak JSON over HTTP, such as the data planes of Apache APISIX.
//!
//! As in etcd it stands before the gRPC services and not beside them: a request's JSON becomes the message (`json.rs`), the message
//! goes to the service in a call inside the process (`call.rs`), and what comes back becomes JSON. So each service, with all that
//! surrounds it (who asks, what they may, what is recorded), has one way in, and a method needs a line in [`ROUTES`] and nothing
//! else. Only the watch has code of its own (`watch.rs`), since its events are encoded once for all watchers.
//!
//! The dialect is that of etcd 3.5, which differs from 3.6 where clients notice (errors); the HTTP around it as well: a body is
//! JSON whatever its Content-Type says, one answer of a stream is one line, sent when it is there.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{Method as Verb, Request, StatusCode, header};
use portolan_etcd_proto::described;
use portolan_etcd_proto::schema::Method;

use crate::app::App;
use crate::watch as watches;

mod body;
mod call;
mod cors;
mod error;
pub(crate) mod json;
mod watch;

pub(crate) use body::drain;
pub(crate) use cors::cors;

/// What the gateway needs.
#[derive(Clone)]
pub(crate) struct Gateway {
    /// The gRPC services.
    pub(crate) services: Router,
    /// For the watch.
    pub(crate) app: Arc<App>,
}

/// Paths below `/v3/`, and the methods they call. As in etcd, several spellings may lead to one.
const ROUTES: &[(&str, &str)] = &[
    ("kv/range", "/etcdserverpb.KV/Range"),
    ("kv/put", "/etcdserverpb.KV/Put"),
    ("kv/deleterange", "/etcdserverpb.KV/DeleteRange"),
    ("kv/txn", "/etcdserverpb.KV/Txn"),
    ("kv/compaction", "/etcdserverpb.KV/Compact"),
    ("watch", watches::PATH),
    ("lease/grant", "/etcdserverpb.Lease/LeaseGrant"),
    ("lease/revoke", "/etcdserverpb.Lease/LeaseRevoke"),
    ("kv/lease/revoke", "/etcdserverpb.Lease/LeaseRevoke"),
    ("lease/keepalive", "/etcdserverpb.Lease/LeaseKeepAlive"),
    ("lease/timetolive", "/etcdserverpb.Lease/LeaseTimeToLive"),
    ("kv/lease/timetolive", "/etcdserverpb.Lease/LeaseTimeToLive"),
    ("lease/leases", "/etcdserverpb.Lease/LeaseLeases"),
    ("kv/lease/leases", "/etcdserverpb.Lease/LeaseLeases"),
    ("cluster/member/add", "/etcdserverpb.Cluster/MemberAdd"),
    ("cluster/member/remove", "/etcdserverpb.Cluster/MemberRemove"),
    ("cluster/member/update", "/etcdserverpb.Cluster/MemberUpdate"),
    ("cluster/member/list", "/etcdserverpb.Cluster/MemberList"),
    ("cluster/member/promote", "/etcdserverpb.Cluster/MemberPromote"),
    ("maintenance/alarm", "/etcdserverpb.Maintenance/Alarm"),
    ("maintenance/status", "/etcdserverpb.Maintenance/Status"),
    ("maintenance/defragment", "/etcdserverpb.Maintenance/Defragment"),
    // In 3.5 both Hash and HashKV are registered here, and the later one answers.
    ("maintenance/hash", "/etcdserverpb.Maintenance/HashKV"),
    ("maintenance/hashkv", "/etcdserverpb.Maintenance/HashKV"),
    ("maintenance/snapshot", "/etcdserverpb.Maintenance/Snapshot"),
    ("maintenance/transfer-leadership", "/etcdserverpb.Maintenance/MoveLeader"),
    ("maintenance/downgrade", "/etcdserverpb.Maintenance/Downgrade"),
    ("auth/enable", "/etcdserverpb.Auth/AuthEnable"),
    ("auth/disable", "/etcdserverpb.Auth/AuthDisable"),
    ("auth/status", "/etcdserverpb.Auth/AuthStatus"),
    ("auth/authenticate", "/etcdserverpb.Auth/Authenticate"),
    ("auth/user/add", "/etcdserverpb.Auth/UserAdd"),
    ("auth/user/get", "/etcdserverpb.Auth/UserGet"),
    ("auth/user/list", "/etcdserverpb.Auth/UserList"),
    ("auth/user/delete", "/etcdserverpb.Auth/UserDelete"),
    ("auth/user/changepw", "/etcdserverpb.Auth/UserChangePassword"),
    ("auth/user/grant", "/etcdserverpb.Auth/UserGrantRole"),
    ("auth/user/revoke", "/etcdserverpb.Auth/UserRevokeRole"),
    ("auth/role/add", "/etcdserverpb.Auth/RoleAdd"),
    ("auth/role/get", "/etcdserverpb.Auth/RoleGet"),
    ("auth/role/list", "/etcdserverpb.Auth/RoleList"),
    ("auth/role/delete", "/etcdserverpb.Auth/RoleDelete"),
    ("auth/role/grant", "/etcdserverpb.Auth/RoleGrantPermission"),
    ("auth/role/revoke", "/etcdserverpb.Auth/RoleRevokePermission"),
];

/// Answers everything below `/v3/` and its older name.
pub(crate) async fn serve(State(gateway): State<Gateway>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let below = path.strip_prefix("/v3/").or_else(|| path.strip_prefix("/v3beta/"));
    let Some(method) = below.and_then(method) else {
        drain(body).await;
        return plain(StatusCode::NOT_FOUND, "Not Found\n");
    };
    if parts.method != Verb::POST {
        drain(body).await;
        return plain(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n");
    }
    let call = call::Call { method, parts, body };
    match (method.path, method.server_streams) {
        (watches::PATH, _) => watch::serve(gateway.app, call).await,
        (_, true) => call::stream(gateway.services, call).await,
        (_, false) => call::unary(gateway.services, call).await,
    }
}

/// A plain answer, as Go's HTTP server gives it.
pub(crate) fn plain(status: StatusCode, text: &'static str) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (status, headers, text).into_response()
}

fn method(path: &str) -> Option<&'static Method> {
    let (_, called) = ROUTES.iter().find(|(known, _)| *known == path)?;
    described::METHODS.iter().find(|method| method.path == *called)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_has_a_path_and_every_path_a_method() {
        for (path, called) in ROUTES {
            assert!(method(path).is_some(), "{path} calls {called}, which is no method");
        }
        for method in described::METHODS.iter().filter(|method| method.path.starts_with("/etcdserverpb.")) {
            let reached = ROUTES.iter().any(|(_, called)| *called == method.path);
            assert!(reached || method.path.ends_with("/Hash"), "{} has no path", method.path);
        }
    }
}
