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
    holders: Mutex<HashMap<String, Holder>>,
}

#[derive(Debug)]
struct Holder {
    user: String,
    ip: IpAddr,
    used_at: i64,
}

// === impl Tokens ===

impl Tokens {
    /// A new token. Also says whether the user holds none from there yet: then this is a login, else only a renewal.
    pub(super) fn issue(&self, user: &str, ip: IpAddr, revision: i64, now: i64) -> (String, bool) {
        let mut holders = self.holders.lock();
        holders.retain(|_, holder| now - holder.used_at < IDLE_MICROS);
        if holders.len() >= MOST
            && let Some(oldest) = holders.iter().min_by_key(|(_, holder)| holder.used_at).map(|(t, _)| t.clone())
        {
            holders.remove(&oldest);
        }
        let first = !holders.values().any(|holder| holder.user == user && holder.ip == ip);
        // As etcd's: something random, a dot, the revision. Two v4 ids are 244 random bits.
        let token = format!("{}{}.{revision}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        holders.insert(token.clone(), Holder { user: user.to_owned(), ip, used_at: now });
        (token, first)
    }

    /// Whose token it is; using it keeps it.
    pub(super) fn holder(&self, token: &str, now: i64) -> Option<String> {
        let mut holders = self.holders.lock();
        let holder = holders.get_mut(token).filter(|holder| now - holder.used_at < IDLE_MICROS)?;
        holder.used_at = now;
        Some(holder.user.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_lives_while_it_is_used() {
        let (tokens, ip) = (Tokens::default(), [127, 0, 0, 1].into());
        let (token, first) = tokens.issue("ann", ip, 7, 0);
        assert!(first && token.ends_with(".7") && token.len() == 66);
        assert!(!tokens.issue("ann", ip, 7, 1).1, "a renewal");
        assert!(tokens.issue("ann", [127, 0, 0, 2].into(), 7, 1).1 && tokens.issue("bob", ip, 7, 1).1);
        assert_eq!(tokens.holder(&token, IDLE_MICROS - 1).as_deref(), Some("ann"));
        assert_eq!(tokens.holder(&token, 2 * IDLE_MICROS - 2).as_deref(), Some("ann"));
        assert_eq!(tokens.holder(&token, 3 * IDLE_MICROS), None);
        assert_eq!(tokens.holder("else", 0), None);
    }

    #[test]
    fn there_are_never_more_than_fit() {
        let (tokens, ip) = (Tokens::default(), [127, 0, 0, 1].into());
        let (oldest, _) = tokens.issue("first", ip, 1, 0);
        for n in 0..MOST {
            tokens.holders.lock().insert(n.to_string(), Holder { user: n.to_string(), ip, used_at: 1 });
        }
        tokens.issue("last", ip, 1, 2);
        assert!(tokens.holders.lock().len() <= MOST + 1);
        assert_eq!(tokens.holder(&oldest, 2), None);
    }
}
