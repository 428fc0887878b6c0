//! Who is in: requests that count, by key, on this instance or in Redis.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use uuid::Uuid;

use crate::plugin::redis::{Client, Failure, Script};
use crate::plugin::sharded::Sharded;
use crate::plugin::{Background, Scope};

/// Places are members of a sorted set; the score says when one is given back by itself, should its gateway never do it.
static ENTER: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local now = tonumber(redis.call('TIME')[1])
         local life = tonumber(ARGV[2])
         redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
         local taken = redis.call('ZCARD', KEYS[1])
         if taken >= tonumber(ARGV[1]) then return {0} end
         redis.call('ZADD', KEYS[1], now + life, ARGV[3])
         redis.call('EXPIRE', KEYS[1], life)
         return {taken + 1}",
    )
});
static LEAVE: LazyLock<Script> = LazyLock::new(|| Script::new("return {redis.call('ZREM', KEYS[1], ARGV[1])}"));

/// How often a place is tried to be given back.
const TRIES: u32 = 3;
/// Between two tries.
const PAUSE: Duration = Duration::from_secs(1);

/// Where places are.
#[derive(Debug)]
pub(super) enum Places {
    /// On this instance.
    Here(Arc<Sharded<u64>>),
    /// In Redis.
    Redis(Arc<Shared>),
}

/// Places in Redis.
#[derive(Debug)]
pub(super) struct Shared {
    client: Arc<Client>,
    /// What keys begin with.
    prefix: String,
    /// Seconds after which a place that is not given back is free.
    life: i64,
    /// Where places are given back: it outlives the request.
    background: Option<Background>,
}

/// A request that counts. It stops when this is dropped.
#[derive(Debug)]
pub struct Place(Held);

#[derive(Debug)]
enum Held {
    Here { key: Box<str>, running: Arc<Sharded<u64>> },
    Redis { key: String, id: String, shared: Arc<Shared> },
}

/// What became of a request at the door: its place and the number of those in, or nothing when all are taken.
pub(super) type Entered = Option<(Place, u64)>;

// === impl Places ===

impl Places {
    pub(super) fn here(scope: &Scope<'_>) -> Self {
        Self::Here(scope.state.get(&format!("limit-conn {} {}", scope.resource, scope.config), Sharded::default))
    }

    pub(super) fn redis(client: Arc<Client>, prefix: String, life: i64, scope: &Scope<'_>) -> Self {
        let background = scope.state.surroundings().background.clone();
        Self::Redis(Arc::new(Shared { client, prefix, life, background }))
    }
}

/// Enters on this instance.
pub(super) fn enter(running: &Arc<Sharded<u64>>, key: Box<str>, limit: u64) -> Entered {
    let inside = running.with(&key, is_over, |running| {
        (*running < limit).then(|| {
            *running += 1;
            *running
        })
    })?;
    Some((Place(Held::Here { key, running: running.clone() }), inside))
}

fn is_over(running: &u64) -> bool {
    *running == 0
}

// === impl Shared ===

impl Shared {
    /// Enters in Redis.
    pub(super) async fn enter(self: &Arc<Self>, key: &str, limit: u64) -> Result<Entered, Failure> {
        let key = format!("{}{key}", self.prefix);
        let id = Uuid::new_v4().simple().to_string();
        // From now on it is given back, whether the request goes on to wait for the answer or not.
        let place = Place(Held::Redis { key: key.clone(), id: id.clone(), shared: self.clone() });
        let arguments = [limit.to_string(), self.life.to_string(), id];
        let [inside] = match self.client.run(&ENTER, &key, &arguments).await {
            Ok(inside) => inside,
            // Nothing can be given back to a server that was not there.
            Err(failure @ (Failure::Unreachable(_) | Failure::Slow)) => {
                place.forget();
                return Err(failure);
            }
            Err(failure) => return Err(failure),
        };
        let Some(inside) = u64::try_from(inside).ok().filter(|inside| *inside > 0) else {
            place.forget();
            return Ok(None);
        };
        Ok(Some((place, inside)))
    }
}

// === impl Place ===

impl Place {
    /// There is no place to give back.
    fn forget(mut self) {
        if let Held::Redis { id, .. } = &mut self.0 {
            id.clear();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        match &mut self.0 {
            Held::Here { key, running } => {
                running.with(key, is_over, |running| *running = running.saturating_sub(1));
            }
            Held::Redis { id, .. } if id.is_empty() => {}
            Held::Redis { key, id, shared } => {
                let (key, id, shared) = (std::mem::take(key), std::mem::take(id), shared.clone());
                let Some(background) = shared.background.clone() else { return };
                background.spawn(async move { give_back(&shared.client, &key, id).await });
            }
        }
    }
}

/// A place that cannot be given back is free in the end all the same, when its time is over.
async fn give_back(client: &Client, key: &str, id: String) {
    let arguments = [id];
    for _ in 0..TRIES {
        if client.run::<1>(&LEAVE, key, &arguments).await.is_ok() {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}
