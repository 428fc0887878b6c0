//! A fake name server: UDP and TCP on one free loopback port, answering from a zone that the test changes as it goes.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// The running server; it lives on a thread of its own. Dropped, it closes its ports.
#[derive(Debug)]
pub struct NameServer {
    address: SocketAddr,
    state: Arc<State>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// The data of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// An address, of either family.
    Address(IpAddr),
    /// Another name.
    Alias(String),
    /// A place of a service.
    Service {
        /// The lowest goes first.
        priority: u16,
        /// Its share among those of the same priority.
        weight: u16,
        /// Its port.
        port: u16,
        /// Its name.
        target: String,
    },
}

/// How questions are treated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mood {
    /// Answered.
    #[default]
    Good,
    /// "The server failed".
    Failing,
    /// "Not for you".
    Refusing,
    /// Not answered.
    Silent,
    /// Answered with bytes that mean nothing.
    Garbage,
    /// Answered with the beginning of an answer.
    Half,
}

#[derive(Debug, Default)]
struct State {
    zone: Mutex<HashMap<String, (u32, Vec<Record>)>>,
    mood: Mutex<Mood>,
    questions: AtomicUsize,
}

const ADDRESS: u16 = 1;
const ALIAS: u16 = 5;
const ADDRESS6: u16 = 28;
const SERVICE: u16 = 33;
/// As much as fits in an answer over UDP; larger ones are asked for again over TCP.
const UDP_LIMIT: usize = 512;

// === impl NameServer ===

impl NameServer {
    /// Starts one with an empty zone.
    ///
    /// # Errors
    /// When no port is free for both.
    pub fn start() -> anyhow::Result<Self> {
        let (tcp, udp) = sockets()?;
        let address = udp.local_addr()?;
        let state = Arc::new(State::default());
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = state.clone();
        let thread = std::thread::Builder::new().name("name server".to_owned()).spawn(move || {
            runtime.block_on(async {
                let tcp = TcpListener::from_std(tcp).expect("the listener is non-blocking");
                let udp = UdpSocket::from_std(udp).expect("the socket is non-blocking");
                tokio::select! {
                    () = datagrams(&udp, &shared) => {}
                    () = streams(&tcp, &shared) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { address, state, stop: Some(stop), thread: Some(thread) })
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// The name has these records now, which live so many seconds.
    pub fn set(&self, name: &str, ttl: u32, records: impl IntoIterator<Item = Record>) {
        self.state.zone.lock().insert(name.to_ascii_lowercase(), (ttl, records.into_iter().collect()));
    }

    /// The name is not there any more.
    pub fn remove(&self, name: &str) {
        self.state.zone.lock().remove(&name.to_ascii_lowercase());
    }

    /// From now on it treats questions like this.
    pub fn be(&self, mood: Mood) {
        *self.state.mood.lock() = mood;
    }

    /// How many questions have come.
    pub fn questions(&self) -> usize {
        self.state.questions.load(Ordering::SeqCst)
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It panics only when the test itself has gone wrong, which the test will say.
            let _ended = thread.join();
        }
    }
}

/// Both on the same port.
fn sockets() -> anyhow::Result<(std::net::TcpListener, std::net::UdpSocket)> {
    for _ in 0..100 {
        let tcp = std::net::TcpListener::bind("127.0.0.1:0")?;
        let Ok(udp) = std::net::UdpSocket::bind(tcp.local_addr()?) else { continue };
        tcp.set_nonblocking(true)?;
        udp.set_nonblocking(true)?;
        return Ok((tcp, udp));
    }
    anyhow::bail!("no port is free for TCP and UDP")
}

async fn datagrams(socket: &UdpSocket, state: &State) {
    let mut question = [0; 4096];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut question).await else { continue };
        if let Some(answer) = state.answer(&question[..length], UDP_LIMIT) {
            // Who asks in vain asks again.
            let _best_effort = socket.send_to(&answer, from).await;
        }
    }
}

async fn streams(listener: &TcpListener, state: &Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((mut stream, _)) = listener.accept().await else { continue };
        let state = state.clone();
        connections.spawn(async move {
            while let Ok(length) = stream.read_u16().await {
                let mut question = vec![0; usize::from(length)];
                if stream.read_exact(&mut question).await.is_err() {
                    return;
                }
                let Some(answer) = state.answer(&question, usize::from(u16::MAX)) else { return };
                let mut framed = u16::try_from(answer.len()).unwrap_or(u16::MAX).to_be_bytes().to_vec();
                framed.extend(answer);
                if stream.write_all(&framed).await.is_err() {
                    return;
                }
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

// === impl State ===

impl State {
    /// The answer to a question; `None`: it gets none.
    fn answer(&self, question: &[u8], limit: usize) -> Option<Vec<u8>> {
        self.questions.fetch_add(1, Ordering::SeqCst);
        let (name, end) = read_name(question)?;
        let kind = u16::from_be_bytes(question.get(end..end + 2)?.try_into().ok()?);
        let asked = question.get(12..end + 4)?;
        let head = |code: u8, truncated: bool, answers: u16| {
            // A response to a recursive question, and recursion is there.
            let flags = [0x85 | (u8::from(truncated) << 1), 0x80 | code];
            let mut message = question[..2].to_vec();
            message.extend(flags);
            message.extend([0, 1]);
            message.extend(answers.to_be_bytes());
            message.extend([0; 4]);
            message.extend(asked);
            message
        };
        match *self.mood.lock() {
            Mood::Good => {}
            Mood::Failing => return Some(head(2, false, 0)),
            Mood::Refusing => return Some(head(5, false, 0)),
            Mood::Silent => return None,
            Mood::Garbage => return Some(vec![0xff; 40]),
            Mood::Half => return Some(head(0, false, 3)),
        }
        let zone = self.zone.lock();
        let mut answers = Vec::new();
        let mut name = name;
        let Some(_) = zone.get(&name) else { return Some(head(3, false, 0)) };
        // As a resolving server it follows other names itself.
        while let Some((ttl, records)) = zone.get(&name) {
            let of_kind = records.iter().filter(|record| record.kind() == kind);
            answers.extend(of_kind.map(|record| encode(&name, *ttl, record)));
            let alias = records.iter().find_map(|record| match record {
                Record::Alias(target) if kind != ALIAS => Some((encode(&name, *ttl, record), target)),
                _ => None,
            });
            let Some((record, target)) = alias else { break };
            answers.push(record);
            name = target.to_ascii_lowercase();
        }
        let count = u16::try_from(answers.len()).ok()?;
        let mut message = head(0, false, count);
        message.extend(answers.concat());
        Some(if message.len() > limit { head(0, true, 0) } else { message })
    }
}

// === impl Record ===

impl Record {
    /// An address.
    ///
    /// # Panics
    /// When it is none.
    pub fn address(text: &str) -> Self {
        Self::Address(text.parse().expect("an address"))
    }

    /// A place of a service.
    pub fn service(priority: u16, weight: u16, port: u16, target: &str) -> Self {
        Self::Service { priority, weight, port, target: target.to_owned() }
    }

    fn kind(&self) -> u16 {
        match self {
            Self::Address(IpAddr::V4(_)) => ADDRESS,
            Self::Address(IpAddr::V6(_)) => ADDRESS6,
            Self::Alias(_) => ALIAS,
            Self::Service { .. } => SERVICE,
        }
    }
}

fn encode(name: &str, ttl: u32, record: &Record) -> Vec<u8> {
    let data = match record {
        Record::Address(IpAddr::V4(address)) => address.octets().to_vec(),
        Record::Address(IpAddr::V6(address)) => address.octets().to_vec(),
        Record::Alias(target) => write_name(target),
        Record::Service { priority, weight, port, target } => {
            let numbers = [priority, weight, port].map(|number| number.to_be_bytes()).concat();
            [numbers, write_name(target)].concat()
        }
    };
    let mut encoded = write_name(name);
    encoded.extend(record.kind().to_be_bytes());
    encoded.extend([0, 1]);
    encoded.extend(ttl.to_be_bytes());
    encoded.extend(u16::try_from(data.len()).unwrap_or(u16::MAX).to_be_bytes());
    encoded.extend(data);
    encoded
}

/// The name of the first question, in lower case, and where it ends.
fn read_name(message: &[u8]) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    let mut at = 12;
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        labels.push(String::from_utf8_lossy(message.get(at..at + length)?).to_ascii_lowercase());
        at += length;
    }
}

fn write_name(name: &str) -> Vec<u8> {
    let mut written = Vec::new();
    for label in name.trim_end_matches('.').split('.') {
        written.push(u8::try_from(label.len()).unwrap_or(63));
        written.extend(label.as_bytes());
    }
    written.push(0);
    written
}
