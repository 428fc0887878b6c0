//! The one route table.
//!
//! Two listeners, four routers: the APISIX face (9180), Portolan's own API (both), the enterprise face and the dashboard (7443).
//! The OpenAPI document of each listener says the same as [`rows`]; a test compares them both ways.

use std::sync::Arc;

use axum::handler::Handler;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use axum::{Extension, Router};
use http::Method;
use ipnet::IpNet;
use tower_http::catch_panic::CatchPanicLayer;

use crate::admin;
use crate::app::App;
use crate::error::ApiError;

mod apply;
mod aside;
mod audit;
mod certificates;
mod dashboard;
mod each;
mod enterprise;
mod export;
mod groups;
mod history;
mod holds;
mod instances;
mod log_key;
mod openapi;
mod params;
mod removals;
mod resources;
mod revocation;
mod rollback;
mod session;
mod status;
mod users;

pub(crate) use apply::invalid;
pub use each::Listener;
pub use openapi::document;

/// One method of one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The method.
    pub method: Method,
    /// The path, with `{name}` and `{*name}` for what varies.
    pub path: String,
}

/// Whether clients of 9180 show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificates {
    /// They are not asked.
    NotAsked,
    /// They must.
    Required,
}

/// Routes, and the rows that say which they are.
struct Table {
    rows: Vec<Row>,
    router: Router<Arc<App>>,
}

fn api() -> Table {
    Table::new()
        .route(Method::POST, "/api/login", session::login)
        .route(Method::POST, "/api/logout", session::logout)
        .route(Method::GET, "/api/session", session::get)
        .route(Method::GET, "/api/status", status::get)
        .route(Method::GET, "/api/groups/{group}/resources/{kind}", resources::list)
        .route(Method::GET, "/api/groups/{group}/resources/{kind}/{id}", resources::get)
        .route(Method::GET, "/api/audit/events", audit::list)
        .route(Method::GET, "/api/audit/events/{revision}", audit::get)
        .route(Method::GET, "/api/audit/export", export::get)
        .route(Method::GET, "/api/audit/key", log_key::get)
        .route(Method::POST, "/api/audit/key/rotate", log_key::rotate)
        .route(Method::GET, "/api/audit/holds", holds::list)
        .route(Method::POST, "/api/audit/holds", holds::post)
        .route(Method::DELETE, "/api/audit/holds/{id}", holds::delete)
        .route(Method::POST, "/api/audit/erasures", removals::erase)
        .route(Method::POST, "/api/audit/prune", removals::prune)
        .route(Method::GET, "/api/history/changes", history::changes::list)
        .route(Method::GET, "/api/history/state", history::state::get)
        .route(Method::GET, "/api/history/{kind}/{id}", history::list)
        .route(Method::POST, "/api/rollback", rollback::post)
        .route(Method::POST, "/api/certificates", certificates::post)
        .route(Method::POST, "/api/certificates/{serial}/revoke", revocation::post)
        .route(Method::POST, "/api/apply", apply::post)
        .route(Method::GET, "/api/export", apply::export)
        .route(Method::GET, "/api/gateway_groups", groups::list)
        .route(Method::POST, "/api/gateway_groups", groups::post)
        .route(Method::GET, "/api/gateway_groups/{id}", groups::get)
        .route(Method::PUT, "/api/gateway_groups/{id}", groups::put)
        .route(Method::DELETE, "/api/gateway_groups/{id}", groups::delete)
        .route(Method::PUT, "/api/gateway_groups/{id}/admin_key", groups::admin_key)
        .route(Method::GET, "/api/instances", instances::list)
        .route(Method::GET, "/api/version", enterprise::version)
        .route(Method::GET, "/api/schema/core", enterprise::schemas)
        .route(Method::GET, "/api/users", users::list)
        .route(Method::GET, "/api/users/{id}", users::get)
        .route(Method::DELETE, "/api/users/{id}", users::delete)
        .route(Method::PUT, "/api/users/{id}/assigned_roles", users::assign)
        .route(Method::GET, "/api/roles", users::roles)
        .route(Method::POST, "/api/invites", users::invite)
        .route(Method::PUT, "/api/password", users::password)
        .route(Method::PUT, "/api/license", users::license)
        .route(Method::GET, "/api/tokens", users::tokens)
        .route(Method::POST, "/api/tokens", users::token)
        .route(Method::DELETE, "/api/tokens/{id}", users::delete_token)
        .route(Method::GET, "/api/openapi.json", openapi::get)
        .route(Method::GET, "/openapi.json", openapi::get)
}

/// All rows of a listener, for the test that compares them with its OpenAPI document.
pub fn rows(listener: Listener) -> Vec<Row> {
    let mut rows = api().rows;
    rows.extend(match listener {
        Listener::AdminApi => admin::rows(),
        Listener::Dashboard => crate::enterprise::rows(),
    });
    rows
}

/// What 9180 serves: the APISIX face and the API.
pub fn admin_api(app: Arc<App>, certificates: Certificates, allow: Vec<IpNet>) -> Router {
    let face = Router::new()
        .route("/apisix/admin", axum::routing::any(admin::serve))
        .route("/apisix/admin/", axum::routing::any(admin::serve))
        .route("/apisix/admin/{*path}", axum::routing::any(admin::serve))
        .layer(from_fn(admin::headers));
    let router = api().finish().merge(face).fallback(admin::not_found);
    let router = match certificates {
        Certificates::NotAsked => router,
        Certificates::Required => router.layer(from_fn(admin::with_certificate)),
    };
    let router = match allow.is_empty() {
        true => router,
        false => router.layer(from_fn_with_state(Arc::from(allow), admin::from_allowed)),
    };
    around(router, app, Listener::AdminApi)
}

/// What 7443 serves: the API, the enterprise face and the dashboard.
pub fn dashboard(app: Arc<App>) -> Router {
    let face = Router::new().route("/apisix/admin/{*path}", axum::routing::any(crate::enterprise::serve));
    let router = api().finish().merge(face).fallback(dashboard::serve).layer(from_fn(dashboard::headers));
    around(router, app, Listener::Dashboard)
}

/// What surrounds every request: its origin and its count, and a 500 in place of a panic.
fn around(router: Router<Arc<App>>, app: Arc<App>, listener: Listener) -> Router {
    let state = (app.clone(), listener);
    let router = router.layer(Extension(listener));
    router.layer(CatchPanicLayer::custom(panicked)).layer(from_fn_with_state(state, each::request)).with_state(app)
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    // The panic itself is in the log already, with its place.
    ApiError::internal("a handler panicked").into_response()
}

// === impl Table ===

impl Table {
    fn new() -> Self {
        Self { rows: Vec::new(), router: Router::new() }
    }

    fn route<H, T>(mut self, method: Method, path: &str, handler: H) -> Self
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        let filter = MethodFilter::try_from(method.clone()).expect("only standard methods stand in the table");
        self.router = self.router.route(path, on(filter, handler));
        self.rows.push(Row { method, path: path.to_owned() });
        self
    }

    /// The router, with JSON answers for what is not in the table.
    fn finish(self) -> Router<Arc<App>> {
        let unknown = async || ApiError::NotFound("no such path".into());
        self.router
            .route("/api", axum::routing::any(unknown))
            .route("/api/{*path}", axum::routing::any(unknown))
            .method_not_allowed_fallback(async || ApiError::Method)
    }
}
