//! A Redis server for a test, with its own address, folder and password.

use crate::common::{Running, start_program};
use crate::wait_until;
use redis::{Client, Connection, FromRedisValue, RedisResult};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

/// Killed when dropped. Clients log in with the password "secret".
pub struct RedisServer {
    pub running: Running,
    pub address: String,
    folder: PathBuf,
    options: &'static [&'static str],
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl RedisServer {
    pub fn start(options: &'static [&'static str]) -> RedisServer {
        // The network 127 belongs to this host: each process of these tests takes another address there.
        static NEXT_PORT: AtomicU16 = AtomicU16::new(10_000);
        let port = NEXT_PORT.fetch_add(1, Ordering::Relaxed);
        let [_, b, c, d] = process::id().to_be_bytes();
        let address = format!("127.{}.{c}.{d}:{port}", b + 1);
        let folder = crate::common::empty_folder(&format!("redis-{address}"));
        let running = spawn(&address, &folder, options);
        let server = RedisServer {
            running,
            address,
            folder,
            options,
        };
        server.connect();
        server
    }

    pub fn url(&self) -> String {
        format!("redis://:secret@{}/0", self.address)
    }

    /// Waits until the server has read its files and answers.
    pub fn connect(&self) -> Connection {
        let client = Client::open(self.url()).unwrap();
        let info =
            || -> RedisResult<String> { redis::cmd("INFO").query(&mut client.get_connection()?) };
        let is_ready = |info: String| info.contains("loading:0\r\n");
        wait_until("redis-server answers", || info().is_ok_and(is_ready));
        client.get_connection().unwrap()
    }

    pub fn command<T: FromRedisValue>(&self, command: &str) -> T {
        query(&mut self.connect(), command)
    }

    pub fn kill(&mut self) {
        self.running.signal(rustix::process::Signal::KILL);
        self.running.status_within(crate::PATIENCE).unwrap();
    }

    /// Its folder is as the last server left it.
    pub fn start_again(&mut self) {
        self.running = spawn(&self.address, &self.folder, self.options);
        self.connect();
    }
}

pub fn query<T: FromRedisValue>(connection: &mut Connection, command: &str) -> T {
    let mut words = command.split(' ');
    let mut command = redis::cmd(words.next().unwrap());
    command.arg(words.collect::<Vec<_>>());
    command.query(connection).unwrap()
}

fn spawn(address: &str, folder: &Path, options: &[&str]) -> Running {
    let (host, port) = address.split_once(':').unwrap();
    let mut server = Command::new("redis-server");
    server.args(["--bind", host, "--port", port]);
    server.args(["--save", "", "--requirepass", "secret"]);
    // What it has answered is on disk.
    server.args(["--appendonly", "yes", "--appendfsync", "always", "--dir"]);
    server.arg(folder).args(options).stdin(Stdio::null());
    start_program("redis-server", &mut server)
}
