//! Resource types, ids, keys and checks of the Portolan configuration; pure, no I/O.
