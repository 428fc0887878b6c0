//! Tokens: keys for programs. A user's token may do what the user may at that moment; a gateway group's admin key may do
//! everything in its group, and nothing outside.
//!
//! The key space knows only their hashes, so that neither the log nor a reader of it can act as their holder.

use aws_lc_rs::digest::{SHA256, digest};
use portolan_eventstore::txn::{Delete, Op, Put};
use portolan_eventstore::{KeyRange, KeyValue, View};
use portolan_model::GroupId;
use serde::{Deserialize, Serialize};

use crate::error::ApiError;

/// Prefix of the tokens.
const PREFIX: &str = "/portolan/tokens/";
/// How a user's token begins.
const OF_USER: &str = "a7ee-";
/// How a gateway group's admin key begins: clients take it as a sign that they need not name the group.
const OF_GROUP: &str = "a7adm-";

/// A token, as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Token {
    /// Its id.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// Whose it is.
    pub holder: Holder,
    /// When it was made, in seconds since 1970.
    pub create_time: i64,
    /// When it ends; 0 = never.
    pub expires_at: i64,
}

/// Whose a token is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// A user's.
    User(String),
    /// A gateway group's.
    Group(GroupId),
}

/// A new token: its text, which is shown once, and the change that makes it.
///
/// # Errors
/// When the machine has no randomness.
pub fn make(token: &Token) -> Result<(String, Op), ApiError> {
    let mut bytes = [0; 24];
    aws_lc_rs::rand::fill(&mut bytes).map_err(ApiError::internal)?;
    let start = match token.holder {
        Holder::User(_) => OF_USER,
        Holder::Group(_) => OF_GROUP,
    };
    let text = format!("{start}{}", hex::encode(bytes));
    let value = serde_json::to_vec(token).map_err(ApiError::internal)?;
    let put = Op::Put(Put::new(key(&text), value));
    Ok((text, put))
}

/// The token of a text, unless it has ended.
pub fn find(view: &dyn View, text: &str, now: i64) -> Option<Token> {
    if !text.starts_with(OF_USER) && !text.starts_with(OF_GROUP) {
        return None;
    }
    let token = read(&*view.get(key(text).as_bytes())?)?;
    (token.expires_at == 0 || token.expires_at > now).then_some(token)
}

/// A user's tokens.
pub fn of_user(view: &dyn View, user: &str) -> Vec<Token> {
    let mine = |token: &Token| token.holder == Holder::User(user.to_owned());
    view.range(&KeyRange::prefix(PREFIX)).iter().filter_map(|kv| read(kv)).filter(mine).collect()
}

/// The change that takes tokens away.
pub fn revoke(view: &dyn View, which: impl Fn(&Token) -> bool) -> Vec<Op> {
    let tokens = view.range(&KeyRange::prefix(PREFIX));
    let gone = tokens.iter().filter(|kv| read(kv).is_some_and(|token| which(&token)));
    gone.map(|kv| Op::Delete(Delete::key(kv.key.clone()))).collect()
}

/// The keys of a gateway group's tokens.
pub fn of_group(view: &dyn View, group: &GroupId) -> Vec<bytes::Bytes> {
    let own = |kv: &KeyValue| read(kv).is_some_and(|token| token.holder == Holder::Group(group.clone()));
    view.range(&KeyRange::prefix(PREFIX)).iter().filter(|kv| own(kv)).map(|kv| kv.key.clone()).collect()
}

fn read(kv: &KeyValue) -> Option<Token> {
    serde_json::from_slice(&kv.value).ok()
}

/// The key of a token, of its text.
pub fn key(text: &str) -> String {
    format!("{PREFIX}{}", hex::encode(digest(&SHA256, text.as_bytes())))
}
