//! The Auth service: user name and password for a token, as APISIX logs in. Users and what they may do are the control plane's;
//! here nobody is made or changed.

use std::net::IpAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use portolan_etcd_proto::etcdserverpb::auth_server::Auth;
use portolan_etcd_proto::etcdserverpb::{
    AuthStatusRequest, AuthStatusResponse, AuthenticateRequest, AuthenticateResponse,
};
use portolan_eventstore::Proposal;
use portolan_eventstore::proposal::Intent;
use portolan_rt::serve::Connection;
use tonic::{Request, Response, Status};

use crate::app::App;
use crate::denial::Denial;
use crate::errors;
use crate::identity::{Identity, Role, Unknown};

mod tokens;

use tokens::Holder;
pub(crate) use tokens::Tokens;

/// Changes of users don't count up here, so there was one.
const AUTH_REVISION: u64 = 1;

/// Outcome of a look at a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verified {
    /// It is the user's.
    Yes,
    /// No such user, not a user who may come in here, or not the password.
    No,
    /// Not looked at: too many attempts failed lately.
    TooMany,
}

/// Portolan's users; the control plane gives it.
pub trait Users: Send + Sync + 'static {
    /// Looks at a password, off the async threads. An error is one of the log.
    fn verify<'a>(
        &'a self,
        name: &'a str,
        password: &'a str,
        ip: IpAddr,
    ) -> BoxFuture<'a, Result<Verified, portolan_eventstore::Error>>;
    /// The user, as long as they may read and write the whole key space. Asked for each request: memory work only.
    fn admin(&self, name: &str) -> Option<Admin>;
}

/// A user who may read and write the whole key space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// The user's id, which stands in the log.
    pub id: String,
    /// The revision that last changed the user, or their password: tokens from before it are worth nothing.
    pub changed: i64,
}

/// The service.
pub(crate) struct Service(pub(crate) Arc<App>);

// === impl Service ===

#[tonic::async_trait]
impl Auth for Service {
    async fn authenticate(
        &self,
        request: Request<AuthenticateRequest>,
    ) -> Result<Response<AuthenticateResponse>, Status> {
        let Some(users) = self.0.users.clone() else { return Err(errors::AUTH_NOT_ENABLED.into()) };
        let ip = request.extensions().get::<Connection>().map(|connection| connection.remote.ip());
        let Some(ip) = ip else { return Err(errors::PERMISSION_DENIED.into()) };
        let AuthenticateRequest { name, password } = request.get_ref();
        // Before the password is looked at: one that is changed meanwhile ends the token.
        let user = users.admin(name);
        let verified = users.verify(name, password, ip).await.map_err(|error| errors::status(&error))?;
        let user = match (verified, user) {
            (Verified::Yes, Some(user)) => user,
            (Verified::Yes | Verified::No, _) => {
                self.0.login_failed(ip, "wrong user name or password").await;
                return Err(errors::AUTH_FAILED.into());
            }
            (Verified::TooMany, _) => {
                self.0.login_failed(ip, "too many failed logins").await;
                return Err(errors::TOO_MANY_REQUESTS.into());
            }
        };
        let identity = Identity::user(&user, name, ip);
        let revision = self.0.store.revision();
        let holder = Holder { user: name.clone(), changed: user.changed, ip };
        let (token, first) = self.0.tokens.issue(holder, revision, self.0.now());
        let mut at = revision;
        if first {
            let context = identity.context(request.metadata());
            let login = Proposal::new(context, "auth.login", Intent::Record).on("user", user.id);
            self.0.store.append(login).await.map_err(|error| errors::status(&error))?;
            at = self.0.store.revision();
        }
        Ok(Response::new(AuthenticateResponse { header: Some(self.0.header(at)), token }))
    }

    async fn auth_status(&self, request: Request<AuthStatusRequest>) -> Result<Response<AuthStatusResponse>, Status> {
        self.0.session(&request).await?;
        let header = Some(self.0.header(self.0.store.revision()));
        let enabled = self.0.users.is_some();
        Ok(Response::new(AuthStatusResponse { header, enabled, auth_revision: AUTH_REVISION }))
    }
}

// === impl App ===

/// Why a peer has no session.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stranger {
    /// It is nobody; see [`Unknown`].
    Nobody(Unknown),
    /// It shows a token that is none (any more).
    BadToken,
}

impl App {
    /// Who is at the other end of a call: the holder of its token, else of the connection's certificate, unless that is revoked.
    pub(crate) fn identify(
        &self,
        extensions: &http::Extensions,
        headers: &http::HeaderMap,
    ) -> Result<Identity, Stranger> {
        let certificate = Identity::of(extensions);
        let certificate = match certificate {
            Ok(identity) if self.revocations.contains(&identity.serial) => Err(Unknown { ip: Some(identity.ip) }),
            other => other,
        };
        let (Some(users), Some(token)) = (&self.users, token(headers)) else {
            return certificate.map_err(Stranger::Nobody);
        };
        let connection = extensions.get::<Connection>().ok_or(Stranger::Nobody(Unknown { ip: None }))?;
        let ip = connection.remote.ip();
        // A revoked certificate opens nothing, whatever token comes with it.
        let serial = connection.peer.as_ref().map(|peer| peer.serial.clone()).unwrap_or_default();
        if self.revocations.contains(&serial) {
            return Err(Stranger::Nobody(Unknown { ip: Some(ip) }));
        }
        let holder = self.tokens.holder(token, self.now()).ok_or(Stranger::BadToken)?;
        let user = users.admin(&holder.user).filter(|user| user.changed == holder.changed);
        Ok(Identity { serial, ..Identity::user(&user.ok_or(Stranger::BadToken)?, &holder.user, ip) })
    }

    /// Whether a user who is known already may still do what they do, for streams that go on.
    pub(crate) fn still_admin(&self, identity: &Identity) -> bool {
        let (Role::User { name, changed }, Some(users)) = (&identity.role, &self.users) else { return true };
        users.admin(name).is_some_and(|user| user.changed == *changed)
    }

    async fn login_failed(&self, ip: IpAddr, why: &str) {
        let denial = Denial::of_stranger("auth.login_failed", Some(ip), format!("login {ip}"), why);
        self.denials.record(&self.store, self.now(), denial).await;
    }
}

impl From<Stranger> for Status {
    fn from(stranger: Stranger) -> Self {
        match stranger {
            Stranger::Nobody(_) => errors::PERMISSION_DENIED.into(),
            Stranger::BadToken => errors::INVALID_TOKEN.into(),
        }
    }
}

// === impl Identity ===

impl Identity {
    /// A user who may everything.
    fn user(user: &Admin, name: &str, ip: IpAddr) -> Self {
        let role = Role::User { name: name.to_owned(), changed: user.changed };
        Self { role, uri: format!("portolan://user/{}", user.id), serial: String::new(), id: user.id.clone(), ip }
    }
}

/// gRPC clients send `token`, JSON clients `Authorization`, both without a scheme.
fn token(headers: &http::HeaderMap) -> Option<&str> {
    headers.get("token").or_else(|| headers.get("authorization"))?.to_str().ok().filter(|token| !token.is_empty())
}
