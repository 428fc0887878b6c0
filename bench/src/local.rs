//! Servers of this program on one thread, as processes of their own so that their processor time is theirs alone.

use std::io::Write as _;

use tokio::net::TcpListener;

/// Runs the tasks of HTTP/2 on this thread.
#[derive(Debug, Clone, Copy)]
pub struct Executor;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Executor {
    fn execute(&self, future: F) {
        spawn(future);
    }
}

/// Starts a task of this thread.
pub fn spawn(future: impl Future<Output = ()> + 'static) {
    tokio::task::spawn_local(future);
}

/// Runs until the future ends.
pub fn run_local(main: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build_local(tokio::runtime::LocalOptions::default())?.block_on(main)
}

/// Prints the ports, for whoever has started this process.
pub fn announce(listeners: &[&TcpListener]) -> anyhow::Result<()> {
    let ports = listeners.iter().map(|listener| Ok(listener.local_addr()?.port().to_string()));
    let ports = ports.collect::<std::io::Result<Vec<_>>>()?;
    writeln!(std::io::stdout(), "{}", ports.join(" "))?;
    Ok(())
}
