//! A Redis server for a test: on a free port, with a folder of its own.

use crate::common::{PATIENCE, Running, start_program};
use redis::{Connection, FromRedisValue, RedisResult};
use rustix::process::Signal;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Killed when dropped, and then its folder removed.
pub struct RedisServer {
    pub running: Running,
    port: u16,
    folder: Folder,
    options: &'static [&'static str],
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl RedisServer {
    pub fn start() -> RedisServer {
        RedisServer::start_with(&[])
    }

    pub fn start_with(options: &'static [&'static str]) -> RedisServer {
        let port = free_port();
        let folder = format!("redis-{}-{port}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
        let _ = fs::remove_dir_all(&folder); // of a process that had the same number
        fs::create_dir_all(&folder).unwrap();
        let mut server = RedisServer {
            running: spawn(port, &folder, options),
            port,
            folder: Folder(folder),
            options,
        };
        server.wait();
        server
    }

    /// Waits until it answers, and has read what is on disk.
    fn wait(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        // Another server may have taken the port, and answer. While it reads, it answers this, and nothing else.
        let ours = format!("process_id:{}\r\n", self.running.pid());
        let is_ready = |info: String| info.contains(&ours) && info.contains("loading:0\r\n");
        while !self.info().is_ok_and(is_ready) {
            assert!(Instant::now() < deadline, "redis-server does not answer");
            // If it ends, another process has the port for a moment.
            let pause = Duration::from_millis(5);
            if self.running.status_within(pause).is_some() {
                return self.start_again();
            }
        }
    }

    fn info(&self) -> RedisResult<String> {
        redis::cmd("INFO").query(&mut self.try_connect()?)
    }

    fn try_connect(&self) -> RedisResult<Connection> {
        redis::Client::open(self.url())?.get_connection()
    }

    pub fn connect(&self) -> Connection {
        self.try_connect().unwrap()
    }

    pub fn url(&self) -> String {
        format!("redis://{}/0", self.address())
    }

    /// Its address, as messages name it.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn command<T: FromRedisValue>(&self, command: &str) -> T {
        query(&mut self.connect(), command)
    }

    /// Kills it, at once.
    pub fn kill(&mut self) {
        self.running.signal(Signal::KILL);
        self.running.status_within(PATIENCE).unwrap();
    }

    /// With what it had written to its folder.
    pub fn start_again(&mut self) {
        self.running = spawn(self.port, &self.folder.0, self.options);
        self.wait();
    }
}

/// The answer to a command, whose words are separated by single spaces.
pub fn query<T: FromRedisValue>(connection: &mut Connection, command: &str) -> T {
    let mut words = command.split(' ');
    let mut command = redis::cmd(words.next().unwrap());
    command.arg(words.collect::<Vec<_>>());
    command.query(connection).unwrap()
}

/// A port that no process has, and that none gets while the server is down for a moment: not one of those
/// that the system gives to a socket that asks for any, and none twice in this process.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Tests in other processes begin elsewhere.
    let begin = std::process::id().wrapping_mul(97);
    loop {
        let next = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(10_000 + next % 20_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn spawn(port: u16, folder: &Path, options: &[&str]) -> Running {
    let port = port.to_string();
    let mut server = Command::new("redis-server");
    server.args(["--port", &port, "--bind", "127.0.0.1", "--save", ""]);
    // What it has answered is on disk.
    server.args(["--appendonly", "yes", "--appendfsync", "always", "--dir"]);
    server.arg(folder).args(options).stdin(Stdio::null());
    start_program("redis-server", &mut server)
}
