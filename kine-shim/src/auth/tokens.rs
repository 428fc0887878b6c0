//! Tokens of clients that logged in by user name and password: in memory, bounded, and gone when unused for a while.

use std::collections::HashMap;
use std::net::IpAddr;

use parking_lot::Mutex;
use uuid::Uuid;

/// A token ends when it was not used for this long (etcd's simple tokens: five minutes).
const IDLE_MICROS: i64 = 300 * 1_000_000;
/// Tokens kept; beyond that the one that was unused longest goes first.
const MOST: usize = 10_000;

/// Who holds which token.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    tokens: Mutex<HashMap<String, Token>>,
}

/// Whose token it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    /// Login name.
    pub(super) user: String,
    /// See [`super::Admin::changed`]; as of the login.
    pub(super) changed: i64,
    /// Where the login came from.
    pub(super) ip: IpAddr,
}

#[derive(Debug)]
struct Token {
    holder: Holder,
    used_at: i64,
}

// === impl Tokens ===

impl Tokens {
    /// A new token. Also says whether its holder has none yet: then this is a login, else only a renewal.
    pub(super) fn issue(&self, holder: Holder, revision: i64, now: i64) -> (String, bool) {
        let mut tokens = self.tokens.lock();
        tokens.retain(|_, token| now - token.used_at < IDLE_MICROS);
        if tokens.len() >= MOST
            && let Some(oldest) = tokens.iter().min_by_key(|(_, token)| token.used_at).map(|(t, _)| t.clone())
        {
            tokens.remove(&oldest);
        }
        let first = !tokens.values().any(|token| token.holder == holder);
        // As etcd's: something random, a dot, the revision. Two v4 ids are 244 random bits.
        let token = format!("{}{}.{revision}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        tokens.insert(token.clone(), Token { holder, used_at: now });
        (token, first)
    }

    /// Whose token it is; using it keeps it.
    pub(super) fn holder(&self, token: &str, now: i64) -> Option<Holder> {
        let mut tokens = self.tokens.lock();
        let token = tokens.get_mut(token).filter(|token| now - token.used_at < IDLE_MICROS)?;
        token.used_at = now;
        Some(token.holder.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(user: &str, last: u8) -> Holder {
        Holder { user: user.to_owned(), changed: 3, ip: [127, 0, 0, last].into() }
    }

    #[test]
    fn a_token_lives_while_it_is_used() {
        let tokens = Tokens::default();
        let (token, first) = tokens.issue(holder("ann", 1), 7, 0);
        assert!(first && token.ends_with(".7") && token.len() == 66);
        assert!(!tokens.issue(holder("ann", 1), 7, 1).1, "a renewal");
        assert!(tokens.issue(holder("ann", 2), 7, 1).1 && tokens.issue(holder("bob", 1), 7, 1).1);
        assert_eq!(tokens.holder(&token, IDLE_MICROS - 1), Some(holder("ann", 1)));
        assert_eq!(tokens.holder(&token, 2 * IDLE_MICROS - 2), Some(holder("ann", 1)));
        assert_eq!(tokens.holder(&token, 3 * IDLE_MICROS), None);
        assert_eq!(tokens.holder("else", 0), None);
    }

    #[test]
    fn there_are_never_more_than_fit() {
        let tokens = Tokens::default();
        let (oldest, _) = tokens.issue(holder("first", 1), 1, 0);
        for n in 0..MOST {
            tokens.tokens.lock().insert(n.to_string(), Token { holder: holder(&n.to_string(), 1), used_at: 1 });
        }
        tokens.issue(holder("last", 1), 1, 2);
        assert!(tokens.tokens.lock().len() <= MOST + 1);
        assert_eq!(tokens.holder(&oldest, 2), None);
    }
}
