//! A Lua script that Redis runs as a whole.

use redis::aio::ConnectionLike;
use redis::{Cmd, ErrorKind, RedisError, ServerErrorKind};

/// A script with one key, whose answer is a list of whole numbers.
#[derive(Debug)]
pub struct Script {
    text: &'static str,
    hash: String,
}

// === impl Script ===

impl Script {
    /// From its text.
    #[must_use]
    pub fn new(text: &'static str) -> Self {
        Self { text, hash: redis::Script::new(text).get_hash().to_owned() }
    }

    /// Runs it. The text is sent only to a server that has not seen it.
    pub(super) async fn run(
        &self,
        connection: &mut (impl ConnectionLike + Send),
        key: &str,
        arguments: &[String],
    ) -> Result<Vec<i64>, RedisError> {
        match self.call("EVALSHA", &self.hash, key, arguments).query_async(connection).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.call("EVAL", self.text, key, arguments).query_async(connection).await
            }
            outcome => outcome,
        }
    }

    fn call(&self, command: &str, script: &str, key: &str, arguments: &[String]) -> Cmd {
        let mut call = redis::cmd(command);
        call.arg(script).arg(1).arg(key).arg(arguments);
        call
    }
}
