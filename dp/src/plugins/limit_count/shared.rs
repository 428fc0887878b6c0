//! Counters in Redis.

use std::sync::{Arc, LazyLock};

use super::config::WindowType;
use super::taken::{Slid, Taken};
use crate::plugin::redis::{Client, Failure, Script};

/// Counts a request in a window that begins with the first one; answers how many there are, and the milliseconds left.
static FIXED: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local left = redis.call('PTTL', KEYS[1])
         if left < 0 then
           redis.call('SET', KEYS[1], 1, 'PX', ARGV[1])
           return {1, tonumber(ARGV[1])}
         end
         return {redis.call('INCR', KEYS[1]), left}",
    )
});

/// The same in windows by the clock of Redis; answers whether the request is within the limit, the requests of this
/// window and of the one before, and the microseconds left.
static SLIDING: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local time = redis.call('TIME')
         local now = time[1] * 1000000 + time[2]
         local count, window = tonumber(ARGV[1]), tonumber(ARGV[2])
         local id, left = math.floor(now / window), window - now % window
         local known = redis.call('HMGET', KEYS[1], 'id', 'window', 'current', 'last')
         local current, last = 0, 0
         if known[1] and tonumber(known[2]) == window then
           local passed = id - known[1]
           if passed == 0 then current, last = tonumber(known[3]), tonumber(known[4])
           elseif passed == 1 then last = tonumber(known[3]) end
         end
         local counts = math.min(last, count)
         local allowed = 0
         if current < count and counts / window * left + current < count then
           allowed, current = 1, current + 1
           redis.call('HSET', KEYS[1], 'id', string.format('%.0f', id), 'window', ARGV[2], 'current', current, 'last', last)
           redis.call('PEXPIRE', KEYS[1], math.ceil(window / 500))
         end
         return {allowed, current, counts, left}",
    )
});

/// Counters of one configuration or group.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) client: Arc<Client>,
    /// What keys begin with.
    pub(super) prefix: String,
    pub(super) window: WindowType,
}

// === impl Shared ===

impl Shared {
    /// Counts one request of `key`.
    pub(super) async fn take(&self, key: &str, count: u64, window_micros: i64) -> Result<Taken, Failure> {
        let key = format!("{}{key}", self.prefix);
        match self.window {
            WindowType::Fixed => {
                let [used, left] = self.client.run(&FIXED, &key, &[(window_micros / 1000).to_string()]).await?;
                Ok(Taken::fixed(u64::try_from(used).unwrap_or_default(), count, left.saturating_mul(1000)))
            }
            WindowType::Sliding => {
                let arguments = [count.to_string(), window_micros.to_string()];
                let [allowed, current, last, left_micros] = self.client.run(&SLIDING, &key, &arguments).await?;
                let number = |value: i64| u64::try_from(value).unwrap_or_default();
                let slid = Slid { allowed: allowed == 1, current: number(current), last: number(last), left_micros };
                Ok(slid.taken(count, window_micros))
            }
        }
    }
}
