//! A Redis server for a test: on a free port, with a folder of its own.

use crate::common::{PATIENCE, say};
use redis::{Connection, FromRedisValue};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Killed when dropped, and its folder removed.
pub struct RedisServer {
    child: Child,
    port: u16,
    folder: PathBuf,
}

/// Says so in one line if it is not.
pub fn is_installed() -> bool {
    let installed = Command::new("redis-server")
        .arg("--version")
        .output()
        .is_ok();
    if !installed {
        assert!(std::env::var_os("CI").is_none(), "CI installs redis-server");
        say("skipped: redis-server is not installed");
    }
    installed
}

impl RedisServer {
    pub fn start() -> RedisServer {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("redis-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        loop {
            let port = free_port();
            let child = spawn(port, &folder);
            let mut server = RedisServer {
                child,
                port,
                folder: folder.clone(),
            };
            if server.is_ready() {
                return server;
            }
            // Somebody else was quicker to take the port.
            fs::create_dir_all(&folder).unwrap();
        }
    }

    /// Waits until it answers. Not if it has ended.
    fn is_ready(&mut self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            let answer = self
                .try_connect()
                .and_then(|mut connection| redis::cmd("PING").query(&mut connection));
            if let Ok(answer) = answer {
                let answer: String = answer;
                assert_eq!(answer, "PONG");
                return true;
            }
            assert!(Instant::now() < deadline, "redis-server does not answer");
            sleep(Duration::from_millis(5));
        }
        false
    }

    fn try_connect(&self) -> redis::RedisResult<Connection> {
        redis::Client::open(self.url())?.get_connection()
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/3", self.port)
    }

    /// Its address, as messages name it.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn command<T: FromRedisValue>(&self, command: &str) -> T {
        let mut words = command.split(' ');
        let mut command = redis::cmd(words.next().unwrap());
        command.arg(words.collect::<Vec<_>>());
        command.query(&mut self.try_connect().unwrap()).unwrap()
    }

    pub fn list(&self, key: &str) -> Vec<String> {
        self.command(&format!("LRANGE {key} 0 -1"))
    }

    /// The lists of workers.
    pub fn being_worked_on(&self) -> Vec<String> {
        self.command("KEYS *:working:*")
    }

    /// By it, in all, this question's among them.
    pub fn connections_received(&self) -> u64 {
        let stats: String = self.command("INFO stats");
        let line = stats
            .lines()
            .find_map(|line| line.strip_prefix("total_connections_received:"));
        line.unwrap().parse().unwrap()
    }

    /// Kills it, at once.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// With what it had written to its folder.
    pub fn start_again(&mut self) {
        self.child = spawn(self.port, &self.folder);
        assert!(self.is_ready(), "redis-server does not start again");
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn spawn(port: u16, folder: &Path) -> Child {
    Command::new("redis-server")
        .args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
        ])
        // What it has answered is on disk.
        .args(["--appendonly", "yes", "--appendfsync", "always", "--dir"])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}
