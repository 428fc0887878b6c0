//! The plugins of this gateway, in running order. A plugin is one file here and one line in the list.

use crate::plugin::{Factory, Of};

pub mod cors;
pub mod key_auth;
pub mod limit_count;

use cors::Cors;
use key_auth::KeyAuth;
use limit_count::LimitCount;

/// All plugins, highest priority first.
pub static PLUGINS: &[&dyn Factory] = &[&Of::<Cors>::NEW, &Of::<KeyAuth>::NEW, &Of::<LimitCount>::NEW];

/// The plugin of this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static dyn Factory> {
    PLUGINS.iter().find(|plugin| plugin.name() == name).copied()
}

#[cfg(test)]
pub(crate) mod tests;
