//! Throw-away databases, fake upstreams, clocks and certificates for tests.
