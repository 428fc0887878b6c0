//! Waiting for a condition, with a limit.

use std::time::{Duration, Instant};

/// Probes until `probe` answers `Ok`, and gives that value. A probe that still fails when `limit` is over fails the test with its
/// last error.
///
/// # Panics
/// When the limit is over.
pub async fn eventually<T, F, Fut>(limit: Duration, probe: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = anyhow::Result<T>>,
{
    match within(limit, probe).await {
        Ok(value) => value,
        Err(error) => panic!("{error:#}"),
    }
}

/// As [`eventually`], for those who want to add to the error.
///
/// # Errors
/// The last error of `probe`, when the limit is over.
pub async fn within<T, F, Fut>(limit: Duration, mut probe: F) -> anyhow::Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = anyhow::Result<T>>,
{
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        let error = match probe().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        if start.elapsed() >= limit {
            return Err(error.context(format!("not within {limit:?}")));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}
