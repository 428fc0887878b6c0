//! The etcd v3 protobuf messages and gRPC stubs, generated and committed.
