//! One suite over every backend.
