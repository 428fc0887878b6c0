use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant as WallInstant;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::*;

/// Runs to the end, with signals from a channel.
async fn run(supervisor: &Supervisor, mut signals: mpsc::Receiver<()>, drain: Duration) -> Result<(), Error> {
    let next = async move || match signals.recv().await {
        Some(()) => "TEST",
        None => std::future::pending().await,
    };
    life::run(&supervisor.process, next, drain).await
}

fn signals() -> (mpsc::Sender<()>, mpsc::Receiver<()>) {
    mpsc::channel(2)
}

fn boom(number: u8) {
    panic!("boom {number}");
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn the_panic_of_a_critical_task_ends_the_run_with_an_error() {
    let supervisor = Supervisor::new();
    let shutdown = supervisor.shutdown();
    supervisor.spawn("bystander", Kind::Critical, move || {
        let shutdown = shutdown.clone();
        async move { shutdown.soft().await }
    });
    supervisor.spawn("core", Kind::Critical, || async { boom(7) });
    let (_signal, signals) = signals();
    let error = run(&supervisor, signals, MINUTE).await.unwrap_err();
    assert_eq!(error.to_string(), "critical task core failed");
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "panicked: boom 7");
}

#[tokio::test(start_paused = true)]
async fn a_critical_task_may_end_only_after_the_soft_stage() {
    let supervisor = Supervisor::new();
    supervisor.spawn("core", Kind::Critical, || async {});
    let (_signal, signals) = signals();
    let error = run(&supervisor, signals, MINUTE).await.unwrap_err();
    assert!(matches!(error, Error::Ended { task } if &*task == "core"));
}

#[tokio::test(start_paused = true)]
async fn a_critical_error_while_draining_counts() {
    let supervisor = Supervisor::new();
    let shutdown = supervisor.shutdown();
    supervisor.spawn("flush", Kind::Critical, move || {
        let shutdown = shutdown.clone();
        async move {
            shutdown.soft().await;
            Err::<(), _>("disk full")
        }
    });
    let (signal, signals) = signals();
    signal.send(()).await.unwrap();
    let error = run(&supervisor, signals, MINUTE).await.unwrap_err();
    assert!(matches!(error, Error::Failed { source, .. } if source.to_string() == "disk full"));
}

#[tokio::test(start_paused = true)]
async fn a_failing_task_is_restarted_with_growing_pauses() {
    let supervisor = Supervisor::new();
    let (report, mut starts) = mpsc::channel(8);
    let backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(3) };
    let begin = Instant::now();
    let attempts = Arc::new(AtomicUsize::new(0));
    let task = supervisor.spawn("flaky", Kind::Restart(backoff), move || {
        let attempt = attempts.fetch_add(1, Ordering::SeqCst);
        let report = report.clone();
        async move {
            report.send(begin.elapsed().as_secs()).await.unwrap();
            match attempt {
                0 => panic!("first"),
                1 | 2 => Err("again"),
                _ => Ok(()),
            }
        }
    });
    task.await.unwrap();
    let mut times = Vec::new();
    while let Some(time) = starts.recv().await {
        times.push(time);
    }
    assert_eq!(times, [0, 1, 3, 6]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_factory_is_a_failure_too() {
    let supervisor = Supervisor::new();
    let mut calls = 0;
    let task = supervisor.spawn("factory", Kind::Restart(Backoff::default()), move || {
        calls += 1;
        assert!(calls > 1, "the first call panics");
        async {}
    });
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_restart_does_not_outlive_the_soft_stage() {
    let supervisor = Supervisor::new();
    let hour = Duration::from_secs(3600);
    let backoff = Backoff { first: hour, most: hour };
    supervisor.spawn("flaky", Kind::Restart(backoff), || async { Err::<(), _>("no") });
    let begin = Instant::now();
    let (signal, signals) = signals();
    signal.send(()).await.unwrap();
    run(&supervisor, signals, MINUTE).await.unwrap();
    assert!(begin.elapsed() < MINUTE);
}

#[tokio::test(start_paused = true)]
async fn failures_of_log_tasks_and_tracked_work_end_nothing() {
    let supervisor = Supervisor::new();
    supervisor.spawn("log", Kind::Log, || async { Err::<(), _>("no") }).await.unwrap();
    supervisor.track("work", async { panic!("no") }).await.unwrap();
    assert!(!supervisor.shutdown().is_soft());
    supervisor.shutdown().request();
    let (_signal, signals) = signals();
    run(&supervisor, signals, MINUTE).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_deadline_drops_what_is_left() {
    let supervisor = Supervisor::new();
    let stuck = supervisor.track("stuck", std::future::pending());
    let begin = Instant::now();
    let (signal, signals) = signals();
    signal.send(()).await.unwrap();
    run(&supervisor, signals, MINUTE).await.unwrap();
    assert_eq!(begin.elapsed().as_secs(), MINUTE.as_secs());
    assert!(stuck.is_finished());
}

#[tokio::test(start_paused = true)]
async fn the_second_signal_does_not_wait_for_the_deadline() {
    let supervisor = Supervisor::new();
    supervisor.track("stuck", std::future::pending());
    let begin = Instant::now();
    let (signal, signals) = signals();
    signal.send(()).await.unwrap();
    signal.send(()).await.unwrap();
    run(&supervisor, signals, MINUTE).await.unwrap();
    assert!(begin.elapsed() < MINUTE);
}

#[tokio::test(start_paused = true)]
async fn attendants_stay_until_the_work_has_ended() {
    let supervisor = Supervisor::new();
    let attendants = supervisor.attendants();
    let (work, lights) = (supervisor.shutdown(), attendants.shutdown());
    let (report, mut order) = mpsc::channel(2);
    let told = report.clone();
    attendants.spawn("status", Kind::Critical, move || {
        let (lights, told) = (lights.clone(), told.clone());
        async move {
            lights.soft().await;
            told.send("status").await.unwrap();
        }
    });
    supervisor.spawn("work", Kind::Critical, move || {
        let (work, report) = (work.clone(), report.clone());
        async move {
            work.soft().await;
            tokio::time::sleep(Duration::from_secs(5)).await;
            report.send("work").await.unwrap();
        }
    });
    let (signal, signals) = signals();
    signal.send(()).await.unwrap();
    run(&supervisor, signals, MINUTE).await.unwrap();
    assert_eq!((order.recv().await, order.recv().await), (Some("work"), Some("status")));
}

#[tokio::test]
async fn a_thread_is_a_critical_task() {
    let supervisor = Supervisor::new();
    supervisor.thread("worker", || -> Result<(), String> { panic!("lost") }).unwrap();
    let (_signal, signals) = signals();
    let error = run(&supervisor, signals, MINUTE).await.unwrap_err();
    assert_eq!(error.to_string(), "critical task worker failed");
}

#[tokio::test]
async fn the_run_waits_for_threads() {
    let supervisor = Supervisor::new();
    let shutdown = supervisor.shutdown();
    let ended = Arc::new(Mutex::new(None));
    let (seen, handle) = (ended.clone(), tokio::runtime::Handle::current());
    let body = move || {
        handle.block_on(shutdown.soft());
        *seen.lock() = Some(WallInstant::now());
    };
    supervisor.thread("worker", body).unwrap();
    let (signal, signals) = signals();
    signal.send(()).await.unwrap();
    run(&supervisor, signals, MINUTE).await.unwrap();
    assert!(ended.lock().is_some());
}
