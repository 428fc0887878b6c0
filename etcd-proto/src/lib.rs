//! The wire of etcd v3: protobuf messages and gRPC stubs, generated and committed.
//!
//! Owns `proto/*.proto` (written by hand from the wire documentation) and the Rust made from them under `src/generated/`.
//! It is a crate of its own because both sides of the product speak etcd: kine-shim serves it, dp asks it.
//!
//! Invariant: no behaviour lives here; a type that needs a method gets it where it is used.
//! Invariant: nothing runs at build time, no `build.rs` and no `protoc`; the generated files are part of the sources.
//! Invariant: names, field numbers and types never change, they are the protocol of every etcd client there is.
//!
//! Called by kine-shim (servers) and dp (clients); calls prost and tonic only. `bytes` fields are `bytes::Bytes`, so a key or a
//! value that came in with a frame is shared and not copied. A server method that is not overridden answers `Unimplemented`.
//!
//! Start at `proto/rpc.proto`. After a change there: `UPDATE=1 cargo test -p portolan-etcd-proto` rewrites `src/generated/`;
//! without `UPDATE` the same test fails when the two differ.

/// Roles and permissions of the auth service (package `authpb`).
#[rustfmt::skip]
#[path = "generated/authpb.rs"]
#[expect(missing_docs, reason = "generated")]
pub mod authpb;

/// The six services with their requests and answers (package `etcdserverpb`).
#[rustfmt::skip]
#[path = "generated/etcdserverpb.rs"]
#[expect(missing_docs, clippy::allow_attributes, reason = "generated")]
pub mod etcdserverpb;

/// The health service of gRPC (package `grpc.health.v1`).
#[rustfmt::skip]
#[path = "generated/grpc.health.v1.rs"]
#[expect(missing_docs, clippy::allow_attributes, reason = "generated")]
pub mod health;

/// Names, numbers and types of all fields and methods, as static data.
#[rustfmt::skip]
#[path = "generated/described.rs"]
#[expect(missing_docs, reason = "generated")]
pub mod described;

/// The same as a serialised `FileDescriptorSet`, for server reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!("generated/descriptors.bin");

pub mod schema;

/// Keys and events (package `mvccpb`).
#[rustfmt::skip]
#[path = "generated/mvccpb.rs"]
#[expect(missing_docs, reason = "generated")]
pub mod mvccpb;
