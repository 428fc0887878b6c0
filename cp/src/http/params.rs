//! Query parameters and path segments of the API, with JSON errors.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path, Query};
use http::request::Parts;
use portolan_model::Kind;
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// The query, decoded.
pub struct Params<T>(pub T);

/// The path's segments, decoded.
pub struct Segments<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        // No store has a text with a NUL in it, and PostgreSQL does not even look for one.
        if parts.uri.query().is_some_and(|query| query.contains("%00")) {
            return Err(ApiError::Invalid("a parameter can't hold a NUL character".into()));
        }
        match Query::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(QueryRejection::FailedToDeserializeQueryString(error)) => Err(ApiError::Invalid(error.body_text())),
            Err(error) => Err(ApiError::Invalid(error.to_string())),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segments<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(segments)) => Ok(Self(segments)),
            Err(PathRejection::FailedToDeserializePathParams(error)) => Err(ApiError::Invalid(error.body_text())),
            Err(error) => Err(ApiError::internal(error)),
        }
    }
}

/// The kind of a plural name.
///
/// # Errors
/// When there is no such kind.
pub fn kind(directory: &str) -> Result<Kind, ApiError> {
    crate::resources::kind(directory).ok_or_else(|| ApiError::NotFound(format!("unknown resource type: {directory}")))
}
