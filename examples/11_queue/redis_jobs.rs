//! Jobs from a stream of a Redis server, shared with any number of other workers. No job is lost.
//!
//! | key | what it is |
//! |---|---|
//! | `queue` | the stream of jobs, with the consumer group `workers`: `redis-cli xadd queue '*' n 5` |
//! | `queue:dead` | the stream of entries that are invalid or have failed, each with the reason |
//!
//! For every delivered entry the server records to which consumer, when, and how often. When the job is done, its
//! worker deletes and acknowledges the entry (XDEL, XACK). While it runs, the worker renews its lease every 3
//! seconds (XCLAIM). If the lease is not renewed for 10 seconds, another worker takes the job over (XAUTOCLAIM):
//! the first worker has died, or has lost the connection.
//!
//! Every job is done at least once. It is done again if its worker dies between doing and acknowledging it, or
//! fails to renew the lease and works on, because it is stopped, cut off, or a handler blocks the loop. Where that
//! does harm, the handler stores the job's id with the result, and checks for it first.
//!
//! Needs Redis 6.2, for XAUTOCLAIM.

use crate::jobs::{Error, Job, Outcome, complain, seconds};
use asyncio_to_smol::timeout::timeout;
use redis::aio::MultiplexedConnection as Redis;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, RedisError, RedisResult, ToRedisArgs};
use smol::channel::{self, Receiver, Sender};
use smol::io::AsyncReadExt;
use smol::lock::Semaphore;
use smol::net::TcpStream;
use smol::{Timer, future};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, io, mem, process};

/// The consumer group of all workers.
const GROUP: &str = "workers";

/// Removes consumers without pending entries: those that were idle for the lease, and a named one. In one step:
/// XGROUP DELCONSUMER drops pending entries, which would never be delivered again. (XINFO gives name, number
/// pending, and milliseconds idle, each after its title.)
const REMOVE_CONSUMERS: &str = "
    for _, c in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
        local gone = c[2] == ARGV[2] or c[6] > tonumber(ARGV[3])
        if gone and c[4] == 0 then redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], c[2]) end
    end";

/// An entry of the stream: its id; its fields, each followed by its value.
type Entry = (String, Vec<Vec<u8>>);
/// What XPENDING says: the id, the consumer, milliseconds since the last claim, deliveries.
type Claim = (String, String, u64, u64);
/// The end of a job, if it has ended: its number and its outcome.
type Ended = Option<(u64, Outcome)>;
/// The message of a job when it ends: the id of its entry, and the end.
type Message = (String, Ended);

/// The command line options for the source of the jobs.
#[derive(Default)]
pub struct Source {
    /// The address of a Redis server. Without it, or `REDIS_URL`, the jobs are typed.
    pub redis: Option<String>,
    /// The name of the stream there, if it is not `queue`.
    pub queue: Option<String>,
    /// The lease: after how many seconds without renewal a worker counts as dead; by default 10.
    pub lease: Option<std::num::NonZero<u32>>,
}

/// The stream on the server, and this worker's state.
pub struct RedisQueue {
    client: Client,
    stream: String,
    consumer: String,
    /// In milliseconds.
    lease: u64,
    /// Permits for the jobs that may be taken at a time.
    places: Arc<Semaphore>,
    ends: (Sender<Message>, Receiver<Message>),
    /// The jobs taken, by their ids. Each stays until its end is recorded on the server.
    claimed: RefCell<BTreeMap<String, Ended>>,
    /// How often a lost or restored connection was reported: odd while it is lost.
    said: Cell<u32>,
}

impl RedisQueue {
    /// # Errors
    /// If the server cannot be reached.
    pub async fn open(url: &str, source: &Source, at_once: usize) -> Result<RedisQueue, Error> {
        // Without the URL, which may have a password in it.
        let client = Client::open(url)
            .map_err(|error| format!("--redis: expected redis://HOST:PORT/DB ({error})"))?;
        // Linux has this file; elsewhere any name that no other host has will do.
        let host = fs::read_to_string("/proc/sys/kernel/hostname");
        let host = host.unwrap_or_else(|_| format!("{:x}", fastrand::u64(..)));
        let queue = RedisQueue {
            client,
            stream: source.queue.clone().unwrap_or("queue".to_string()),
            consumer: format!("{}-{}", host.trim(), process::id()),
            lease: 1000 * source.lease.map_or(10, |seconds| seconds.get().into()),
            places: Arc::new(Semaphore::new(at_once)),
            ends: channel::unbounded(),
            claimed: RefCell::default(),
            said: Cell::new(0),
        };
        let mut redis = queue.connect().await.map_err(|error| queue.named(&error))?;
        let info: RedisResult<String> = ask(&mut redis, "INFO", "memory").await;
        // Unless that is not permitted.
        if info.is_ok_and(|info| info.contains("maxmemory_policy:allkeys")) {
            complain("Redis: maxmemory-policy lets it delete jobs: expected noeviction");
        }
        Ok(queue)
    }

    /// Takes jobs and reports their outcomes. Returns only if that fails.
    pub async fn serve(&self, jobs: &Sender<Job>) -> Result<(), Error> {
        // Two connections: a connection is blocked while the server waits for a job.
        let take = self.retry(async |redis| self.take(redis, jobs).await);
        future::or(take, self.retry(async |redis| self.keep(redis).await)).await
    }

    async fn take(&self, redis: &mut Redis, jobs: &Sender<Job>) -> RedisResult<()> {
        loop {
            let place = self.places.acquire_arc().await;
            match self.next(redis).await? {
                None => {}
                // Already taken if the server was unreachable for longer than the lease.
                Some((Ok(_), (id, _))) if self.claimed.borrow().contains_key(&id) => {}
                Some((Ok(seconds), (id, _))) => {
                    self.claimed.borrow_mut().insert(id.clone(), None);
                    let ends = self.ends.0.clone();
                    let job = Job::new(seconds, move |outcome| {
                        let _ = (
                            ends.try_send((id.clone(), Some((seconds, outcome)))),
                            &place,
                        );
                    });
                    // Refused at the end of the program: the job is given back.
                    let _ = jobs.send(job).await;
                }
                Some((Err(reason), entry)) => {
                    complain(format_args!("{reason}; goes to \"{}:dead\"", self.stream));
                    self.bury(redis, entry, &reason).await?;
                }
            }
        }
    }

    /// Waits for an entry whose lease has expired, or else a new one, and its job; `None` after a while.
    async fn next(&self, redis: &mut Redis) -> RedisResult<Option<(Result<u64, String>, Entry)>> {
        let idle = (&self.stream, GROUP, "IDLE", self.lease, "-", "+", 1);
        let idle: Vec<Claim> = ask(redis, "XPENDING", idle).await?;
        let Some((id, _, _, deliveries)) = idle.first() else {
            let group = ("GROUP", GROUP, &self.consumer, "COUNT", 1);
            let wait = ("BLOCK", (self.lease / 10).min(1000));
            let read = (group, wait, "STREAMS", &self.stream, ">");
            let found: Option<Vec<(String, Vec<Entry>)>> = ask(redis, "XREADGROUP", read).await?;
            let mut entries = found.into_iter().flatten().flat_map(|(_, found)| found);
            return Ok(entries.next().map(|entry| (check(&entry.1, 1), entry)));
        };
        let from = (&self.stream, GROUP, &self.consumer, self.lease, id);
        let claimed: Vec<redis::Value> = ask(redis, "XAUTOCLAIM", (from, "COUNT", 1)).await?;
        // Where to go on, the entries, and since Redis 7 the ids of entries that are deleted.
        let entries = claimed.into_iter().nth(1).unwrap_or_default();
        let entries: Vec<Option<Entry>> = redis::from_redis_value(entries)?;
        // Another entry, if another worker was faster.
        let count = |entry: &Entry| if entry.0 == *id { deliveries + 1 } else { 1 };
        let entry = entries.into_iter().flatten().next();
        Ok(entry.map(|entry| (check(&entry.1, count(&entry)), entry)))
    }

    async fn bury(&self, redis: &mut Redis, entry: Entry, reason: &str) -> RedisResult<()> {
        let dead = format!("{}:dead", self.stream);
        let dead = (dead, "*", entry.1, "reason", reason);
        ask::<()>(redis, "XADD", dead).await?;
        self.delete(redis, &entry.0).await
    }

    /// Deletes first: what is deleted and not acknowledged is acknowledged by the next XAUTOCLAIM.
    async fn delete(&self, redis: &mut Redis, id: &str) -> RedisResult<()> {
        ask::<()>(redis, "XDEL", (&self.stream, id)).await?;
        ask(redis, "XACK", (&self.stream, GROUP, id)).await
    }

    /// Reports the outcomes of jobs, and renews the leases of the others.
    async fn keep(&self, redis: &mut Redis) -> RedisResult<()> {
        let mut renewal = Instant::now();
        loop {
            self.tell(redis).await?;
            if Instant::now() >= renewal {
                renewal = Instant::now() + Duration::from_millis(self.lease * 3 / 10);
                self.claim(redis, false).await?;
            }
            let ended = timeout(renewal - Instant::now(), self.ends.1.recv()).await;
            self.claimed
                .borrow_mut()
                .extend(ended.ok().and_then(Result::ok));
        }
    }

    async fn tell(&self, redis: &mut Redis) -> RedisResult<()> {
        let more = std::iter::from_fn(|| self.ends.1.try_recv().ok());
        self.claimed.borrow_mut().extend(more);
        let claimed = self.claimed.borrow().clone();
        for (id, ended) in claimed {
            match ended {
                None => continue,
                Some((_, None)) => {} // it goes back
                Some((_, Some(Ok(())))) => self.delete(redis, &id).await?,
                Some((seconds, Some(Err(reason)))) => {
                    let entry = (id.clone(), vec![b"n".to_vec(), seconds.to_string().into()]);
                    self.bury(redis, entry, &reason).await?;
                }
            }
            self.claimed.borrow_mut().remove(&id);
        }
        Ok(())
    }

    /// Renews the leases of the running jobs, or gives back all jobs of this process. Returns how many.
    async fn claim(&self, redis: &mut Redis, give_back: bool) -> RedisResult<usize> {
        // Except entries that another worker has taken over.
        let mine = (&self.stream, GROUP, "-", "+", i32::MAX, &self.consumer);
        let mut mine: Vec<Claim> = ask(redis, "XPENDING", mine).await?;
        mine.retain(|(id, ..)| give_back || self.claimed.borrow().contains_key(id));
        let mut by_deliveries: BTreeMap<u64, Vec<&String>> = BTreeMap::new();
        for (id, _, _, deliveries) in &mine {
            by_deliveries.entry(*deliveries).or_default().push(id);
        }
        for (deliveries, ids) in by_deliveries {
            let claim = (&self.stream, GROUP, &self.consumer, 0, ids);
            // Given back: the delivery does not count, and it was longer ago than any lease.
            let retries = deliveries - u64::from(give_back && deliveries > 0);
            let idle = if give_back { 1u64 << 40 } else { 0 };
            let how = ("IDLE", idle, "RETRYCOUNT", retries, "JUSTID");
            ask::<()>(redis, "XCLAIM", (claim, how)).await?;
        }
        let gone = if give_back { &self.consumer } else { "" };
        let remove = (REMOVE_CONSUMERS, 1, &self.stream, GROUP, gone, self.lease);
        // The command may not be permitted; and the next worker tries again.
        let _: RedisResult<()> = ask(redis, "EVAL", remove).await;
        Ok(mine.len())
    }

    /// Reports the outcomes of all jobs, and gives back those that are not done.
    pub async fn close(self) {
        let tell = self.retry(async |redis| {
            self.tell(redis).await?;
            let n = self.claim(redis, true).await?;
            if n > 0 {
                complain(format_args!("jobs given back to {:?}: {n}", self.stream));
            }
            Ok(())
        });
        // Else they are abandoned, and taken over.
        let _ = timeout(Duration::from_secs(5), tell).await;
    }

    /// Calls `call` with a connection, and again with a new one if that is lost.
    async fn retry(&self, call: impl AsyncFn(&mut Redis) -> RedisResult<()>) -> Result<(), Error> {
        let (mut failures, mut complained) = (0, false);
        loop {
            let said = self.said.get();
            let calling = async {
                let mut redis = self.connect().await?;
                failures = 0;
                if mem::take(&mut complained) {
                    self.said.set(said + 1);
                    complain("Redis is back");
                }
                call(&mut redis).await
            };
            match calling.await {
                Ok(()) => return Ok(()),
                Err(error) if is_final(&error) => return Err(self.named(&error)),
                // Not reported if the next attempt succeeds, or if the server is back meanwhile.
                Err(error) if failures > 0 && said % 2 == 0 && said == self.said.get() => {
                    self.said.set(said + 1);
                    complained = true;
                    complain(format_args!("{}; trying again", self.named(&error)));
                }
                Err(_) => {}
            }
            // With jitter: not all workers at the same moment.
            let pause = Duration::from_millis(100 << failures.min(5));
            Timer::after(pause.mul_f32(0.5 + fastrand::f32() / 2.0)).await;
            failures += 1;
        }
    }

    /// A connection to a server that has the group.
    async fn connect(&self) -> RedisResult<Redis> {
        // For every answer. Longer than the server waits for a job.
        let limit = AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(5)));
        let redis = Client::get_multiplexed_async_connection_with_config(&self.client, &limit);
        let mut redis = match redis.await {
            Ok(redis) => redis,
            Err(error) => return Err(self.why(error).await),
        };
        let create = ("CREATE", &self.stream, GROUP, 0, "MKSTREAM");
        match ask(&mut redis, "XGROUP", create).await {
            Err(error) if error.code() != Some("BUSYGROUP") => Err(error),
            Ok(()) | Err(_) => Ok(redis),
        }
    }

    /// The reason why a connection fails: an error that the server sends before any command, if there is one. A
    /// server with too many clients does so, and the crate takes it as an answer, such as a wrong password.
    async fn why(&self, error: RedisError) -> RedisError {
        let address = self.client.get_connection_info().addr().to_string();
        let mut text = [0; 80];
        let listen = async { TcpStream::connect(address).await?.read(&mut text).await };
        match timeout(Duration::from_millis(300), listen).await {
            Ok(Ok(n @ 1..)) => io::Error::other(String::from_utf8_lossy(&text[..n]).trim()).into(),
            _ => error,
        }
    }

    fn named(&self, error: &RedisError) -> Error {
        let text = error.detail().map(str::to_string);
        let reason = text.unwrap_or_else(|| error.to_string());
        let old = reason.contains("unknown command") || reason.contains("syntax error");
        let expected = if old { "; expected Redis 6.2" } else { "" };
        let address = self.client.get_connection_info().addr();
        format!("Redis at {address}: {reason}{expected}").into()
    }
}

/// Whether the error is permanent: the server refuses the command. Other errors pass: it is starting, busy, out of
/// memory, a replica until the next failover, has too many clients, …
fn is_final(error: &RedisError) -> bool {
    const FINAL: &str = "ERR WRONGTYPE NOAUTH WRONGPASS NOPERM NOPROTO MOVED CROSSSLOT";
    !error.is_io_error() && error.code().is_none_or(|code| FINAL.contains(code))
}

/// The job of an entry, or why it is invalid.
fn check(fields: &[Vec<u8>], deliveries: u64) -> Result<u64, String> {
    match fields.chunks_exact(2).find(|field| field[0] == b"n") {
        Some(_) if deliveries > 5 => Err("delivered 5 times and not done".into()),
        Some(field) => seconds(&field[1]),
        None => Err("no field n".into()),
    }
}

async fn ask<T: FromRedisValue>(
    redis: &mut Redis,
    command: &str,
    arguments: impl ToRedisArgs,
) -> RedisResult<T> {
    redis::cmd(command).arg(arguments).query_async(redis).await
}
