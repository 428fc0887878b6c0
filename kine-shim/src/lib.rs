//! The etcd v3 service over the key space.
