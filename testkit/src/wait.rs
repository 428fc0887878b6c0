//! Waiting for a condition, with a limit.

use std::time::{Duration, Instant};

/// Probes until `probe` answers `Ok`, and gives that value. A probe that still fails when `limit` is over fails the test with its
/// last error.
///
/// # Panics
/// When the limit is over.
pub async fn eventually<T, F, Fut>(limit: Duration, mut probe: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = anyhow::Result<T>>,
{
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        let error = match probe().await {
            Ok(value) => return value,
            Err(error) => error,
        };
        assert!(start.elapsed() < limit, "not within {limit:?}: {error:#}");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}
