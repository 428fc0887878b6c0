//! Request bodies: bounded, and JSON.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::error::ApiError;

/// Largest body, in bytes: APISIX's 1.5 MiB.
pub const LARGEST: u64 = 1_572_864;
/// A body that is too large is still read up to here, so that its sender gets to read the answer.
const DRAINED: u64 = 16 * 1024 * 1024;
/// Time for a whole body.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no body.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Larger than it may be.
    #[error("request size {size} is greater than the maximum size {largest} allowed")]
    TooLarge {
        /// The size that was announced, or that came.
        size: u64,
        /// The size that it may have.
        largest: u64,
    },
    /// It ended too early or took too long.
    #[error("the request body did not arrive in full")]
    Broken,
}

/// The whole body.
///
/// # Errors
/// When it is too large or does not arrive.
pub async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Error> {
    read_up_to(headers, body, LARGEST).await
}

/// The whole body, of another size.
///
/// # Errors
/// As an answer to the client.
pub async fn bounded(headers: &HeaderMap, body: Body, largest: u64) -> Result<Bytes, ApiError> {
    read_up_to(headers, body, largest).await.map_err(|error| match error {
        Error::TooLarge { .. } => ApiError::TooLarge(format!("invalid request body: {error}")),
        Error::Broken => ApiError::Invalid(format!("invalid request body: {error}")),
    })
}

/// The whole body, of another size, or why not.
///
/// # Errors
/// When it is too large or does not arrive.
pub async fn read_up_to(headers: &HeaderMap, body: Body, largest: u64) -> Result<Bytes, Error> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    timeout(PATIENCE, collect(announced, body, largest)).await.map_err(|_| Error::Broken)?
}

/// The body as JSON of the API.
///
/// # Errors
/// As an answer to the client.
pub async fn json<T: DeserializeOwned>(headers: &HeaderMap, body: Body) -> Result<T, ApiError> {
    let bytes = bounded(headers, body, LARGEST).await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        let text = without_value(&error.to_string());
        ApiError::Invalid(format!("invalid request body: {text}"))
    })
}

/// What a deserialiser says is wrong, without the value that is: it may be a password in the wrong place, and refusals stand
/// in the log.
pub fn without_value(text: &str) -> String {
    let quotes = ["invalid type", "invalid value", "invalid length"];
    let found = quotes.iter().find_map(|start| Some((text.find(start)?, *start)));
    match found.zip(text.rsplit_once(", expected ")) {
        Some(((at, start), (_, expected))) => format!("{}{start}, expected {expected}", &text[..at]),
        None => text.to_owned(),
    }
}

async fn collect(announced: Option<u64>, mut body: Body, largest: u64) -> Result<Bytes, Error> {
    let mut size = 0;
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Error::Broken)?.into_data() else { continue };
        size += data.len() as u64;
        if size > largest.max(DRAINED) {
            break;
        }
        if announced.unwrap_or(size).max(size) <= largest {
            bytes.extend_from_slice(&data);
        }
    }
    match announced.unwrap_or(size).max(size) {
        size if size > largest => Err(Error::TooLarge { size, largest }),
        _ => Ok(bytes.freeze()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_repeated() {
        for (text, expected) in [
            (
                r#"invalid type: string "pass, expected word", expected u8 at line 1"#,
                "invalid type, expected u8 at line 1",
            ),
            ("changes[0]: invalid value: integer `7`, expected a text", "changes[0]: invalid value, expected a text"),
            ("missing field `x` at line 1 column 2", "missing field `x` at line 1 column 2"),
        ] {
            assert_eq!(without_value(text), expected);
        }
    }
}
