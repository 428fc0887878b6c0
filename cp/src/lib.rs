//! The control plane: Admin API, identity, history, internal CA, data-plane manager.
