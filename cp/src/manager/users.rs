//! Users of the control plane who log in at the etcd service: those who administrate it, with the same passwords and the same limit
//! of failed logins as at the dashboard.

use std::net::IpAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use portolan_eventstore::Error;
use portolan_kine_shim::{Admin, Users, Verified};

use crate::app::App;
use crate::auth::passwords;
use crate::auth::users::{self, User};
use crate::rights::{Domain, Right, allows};

/// Looks users up in the key space.
pub(super) struct Administrators(pub(super) Arc<App>);

// === impl Administrators ===

impl Administrators {
    /// Whoever may administrate everything may do so as an etcd client, once a password that somebody else chose is changed.
    fn find(&self, name: &str) -> Option<(User, i64)> {
        let admin =
            |user: &User| !user.must_change_password && allows(&user.roles, None, Right::Administer, Domain::All);
        users::named_and_changed(&self.0, name).filter(|(user, _)| admin(user))
    }

    async fn verified(&self, name: &str, password: &str, ip: IpAddr) -> Result<Verified, Error> {
        if self.0.limiter.attempt(ip, name).is_err() {
            return Ok(Verified::TooMany);
        }
        let user = self.find(name);
        // Also asked for a name that nobody has, so that it takes the same time.
        let id = user.as_ref().map_or(name, |(user, _)| &user.id);
        let hash = users::password_hash(&self.0, id).await?.filter(|_| user.is_some());
        match self.0.passwords.verify(password, hash).await {
            Ok(true) => {
                self.0.limiter.succeeded(ip, name);
                Ok(Verified::Yes)
            }
            Ok(false) => Ok(Verified::No),
            Err(passwords::Error::Interrupted) => Err(Error::Closed),
            Err(error @ passwords::Error::Hash(_)) => {
                tracing::error!(user = id, error = &error as &dyn std::error::Error, "the stored password is unusable");
                Ok(Verified::No)
            }
        }
    }
}

impl Users for Administrators {
    fn verify<'a>(&'a self, name: &'a str, password: &'a str, ip: IpAddr) -> BoxFuture<'a, Result<Verified, Error>> {
        Box::pin(self.verified(name, password, ip))
    }

    fn admin(&self, name: &str) -> Option<Admin> {
        self.find(name).map(|(user, changed)| Admin { id: user.id, changed })
    }
}
