//! Server reflection, by which tools such as grpcurl find the services without their protobuf files: version 1, and the older
//! v1alpha that etcd serves. Open to every peer, as the descriptions of a public protocol are.

use axum::Router;
use portolan_etcd_proto::DESCRIPTORS;
use tonic::service::Routes;
use tonic_reflection::server::{Builder, Error};

/// Adds both services.
pub(crate) fn add(routes: Routes) -> Result<Routes, Error> {
    let builder = || Builder::configure().register_encoded_file_descriptor_set(DESCRIPTORS);
    Ok(routes.add_service(builder().build_v1()?).add_service(builder().build_v1alpha()?))
}

/// The services; without them when the committed descriptions can't be read, which a test would have found.
pub(crate) fn with(routes: Routes) -> Router {
    match add(routes.clone()) {
        Ok(routes) => routes.into_axum_router(),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "no server reflection");
            routes.into_axum_router()
        }
    }
}
