//! Why an upstream gave no response. The kind decides the status, and whether another node is tried.

use http::StatusCode;

/// What a connection breaks with: HTTP/1.1 and HTTP/2 have errors of their own.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What went wrong with one attempt.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The node's name has no address.
    #[error("the node's name cannot be resolved: {0}")]
    Resolve(String),
    /// No connection.
    #[error("cannot connect to the node")]
    Connect(#[source] std::io::Error),
    /// No connection in time.
    #[error("connecting to the node took too long")]
    ConnectTimeout,
    /// TLS cannot be used as configured.
    #[error("TLS to the node cannot be set up: {0}")]
    Tls(String),
    /// The connection broke before a response began.
    #[error("the node closed or broke the connection")]
    Broken(#[source] BoxError),
    /// The node did not take the request in time.
    #[error("sending to the node took too long")]
    SendTimeout,
    /// The node did not answer in time.
    #[error("the node's answer took too long")]
    ReadTimeout,
    /// The client broke off its request body, or was too slow with it, or exceeded the limit.
    #[error("the client's request body failed: {0}")]
    Client(#[from] ClientFailure),
}

/// What was wrong with a request body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientFailure {
    /// Larger than allowed.
    #[error("larger than allowed")]
    TooLarge,
    /// No piece in time.
    #[error("too slow")]
    TooSlow,
    /// Not complete, or not well-formed.
    #[error("broken off")]
    Broken,
}

// === impl Failure ===

impl Failure {
    /// Status for the client.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::ConnectTimeout | Self::SendTimeout | Self::ReadTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Resolve(_) | Self::Connect(_) | Self::Tls(_) | Self::Broken(_) => StatusCode::BAD_GATEWAY,
            Self::Client(ClientFailure::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Client(ClientFailure::TooSlow) => StatusCode::REQUEST_TIMEOUT,
            Self::Client(ClientFailure::Broken) => StatusCode::BAD_REQUEST,
        }
    }

    /// Whether the node cannot have seen the request, so that any request may go to another one.
    #[must_use]
    pub fn before_request(&self) -> bool {
        matches!(self, Self::Resolve(_) | Self::Connect(_) | Self::ConnectTimeout | Self::Tls(_))
    }

    /// Whether the client is to blame: no node would do better.
    #[must_use]
    pub fn of_client(&self) -> bool {
        matches!(self, Self::Client(_))
    }
}
