//! etcd's errors, letter for letter: clients compare the texts.
//!
//! The list of etcd is `api/v3rpc/rpctypes/error.go`; here stand those that this service can give.

use portolan_eventstore::{Error, txn};
use tonic::{Code, Status};

/// A refusal in etcd's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Etcd(pub(crate) Code, pub(crate) &'static str);

pub(crate) const EMPTY_KEY: Etcd = Etcd(Code::InvalidArgument, "etcdserver: key is not provided");
pub(crate) const KEY_NOT_FOUND: Etcd = Etcd(Code::InvalidArgument, "etcdserver: key not found");
pub(crate) const VALUE_PROVIDED: Etcd = Etcd(Code::InvalidArgument, "etcdserver: value is provided");
pub(crate) const LEASE_PROVIDED: Etcd = Etcd(Code::InvalidArgument, "etcdserver: lease is provided");
pub(crate) const TOO_MANY_OPS: Etcd = Etcd(Code::InvalidArgument, "etcdserver: too many operations in txn request");
pub(crate) const DUPLICATE_KEY: Etcd = Etcd(Code::InvalidArgument, "etcdserver: duplicate key given in txn request");
pub(crate) const INVALID_SORT: Etcd = Etcd(Code::InvalidArgument, "etcdserver: invalid sort option");
pub(crate) const TOO_LARGE: Etcd = Etcd(Code::InvalidArgument, "etcdserver: request is too large");
pub(crate) const COMPACTED: Etcd = Etcd(Code::OutOfRange, "etcdserver: mvcc: required revision has been compacted");
pub(crate) const FUTURE_REVISION: Etcd =
    Etcd(Code::OutOfRange, "etcdserver: mvcc: required revision is a future revision");
pub(crate) const LEASE_NOT_FOUND: Etcd = Etcd(Code::NotFound, "etcdserver: requested lease not found");
pub(crate) const LEASE_EXISTS: Etcd = Etcd(Code::FailedPrecondition, "etcdserver: lease already exists");
pub(crate) const LEASE_TTL_TOO_LARGE: Etcd = Etcd(Code::OutOfRange, "etcdserver: too large lease TTL");
pub(crate) const AUTH_NOT_ENABLED: Etcd = Etcd(Code::FailedPrecondition, "etcdserver: authentication is not enabled");
pub(crate) const AUTH_FAILED: Etcd =
    Etcd(Code::InvalidArgument, "etcdserver: authentication failed, invalid user ID or password");
pub(crate) const INVALID_TOKEN: Etcd = Etcd(Code::Unauthenticated, "etcdserver: invalid auth token");
pub(crate) const TOO_MANY_REQUESTS: Etcd = Etcd(Code::ResourceExhausted, "etcdserver: too many requests");
pub(crate) const PERMISSION_DENIED: Etcd = Etcd(Code::PermissionDenied, "etcdserver: permission denied");
pub(crate) const TIMEOUT: Etcd = Etcd(Code::Unavailable, "etcdserver: request timed out");
pub(crate) const NO_LEADER: Etcd = Etcd(Code::Unavailable, "etcdserver: no leader");
pub(crate) const STOPPED: Etcd = Etcd(Code::Unavailable, "etcdserver: server stopped");
pub(crate) const CORRUPT: Etcd = Etcd(Code::DataLoss, "etcdserver: corrupt cluster");

/// Answer to the calls that change members, users and roles.
const NOT_SERVED: &str = "not served by portolan: members, users and roles are the control plane's";

// === impl Etcd ===

impl From<Etcd> for Status {
    fn from(Etcd(code, text): Etcd) -> Self {
        Self::new(code, text)
    }
}

/// What an error of the log means to an etcd client. The cause is logged here, once; the client gets etcd's word for it.
pub(crate) fn status(error: &Error) -> Status {
    let etcd = match error {
        Error::Txn(txn::Error::KeyNotFound) => KEY_NOT_FOUND,
        Error::Txn(txn::Error::LeaseNotFound) => LEASE_NOT_FOUND,
        Error::Txn(txn::Error::Compacted) => COMPACTED,
        Error::Txn(txn::Error::FutureRevision) => FUTURE_REVISION,
        Error::EntryTooLarge { .. } | Error::TooLarge { .. } => TOO_LARGE,
        Error::Closed => STOPPED,
        Error::Corrupt(_) => CORRUPT,
        Error::Unknown(_) => TIMEOUT,
        _ => NO_LEADER,
    };
    if matches!(etcd.0, Code::Unavailable | Code::DataLoss) {
        tracing::warn!(error = error as &dyn std::error::Error, "an etcd request failed on the event log");
    }
    etcd.into()
}

/// A status that tonic found while it received a message, in the words of etcd's gRPC library.
pub(crate) fn received(status: Status) -> Status {
    let sizes = |text: &str| {
        let rest = text.strip_prefix("Error, decoded message length too large: found ")?;
        let (found, rest) = rest.split_once(" bytes, the limit is: ")?;
        Some(format!("grpc: received message larger than max ({found} vs. {})", rest.strip_suffix(" bytes")?))
    };
    // The generated default of the methods that we leave out.
    if status.code() == Code::Unimplemented && status.message() == "Not yet implemented" {
        return Status::unimplemented(NOT_SERVED);
    }
    match sizes(status.message()) {
        Some(text) => Status::resource_exhausted(text),
        None => status,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_too_large_is_named_as_etcd_names_it() {
        // tonic's words, here so that a new version that changes them is noticed.
        let found = "Error, decoded message length too large: found 2097160 bytes, the limit is: 2097152 bytes";
        let status = received(Status::out_of_range(found));
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(status.message(), "grpc: received message larger than max (2097160 vs. 2097152)");
        assert_eq!(received(Status::internal("else")).message(), "else");
    }
}
