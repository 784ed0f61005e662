//! Jobs from a stream of a Redis server, shared with any number of other workers. None gets lost.
//!
//! | key | what it is |
//! |---|---|
//! | `queue` | the stream of jobs, with the consumer group `workers`: `redis-cli xadd queue '*' n 5` |
//! | `queue:dead` | the stream of entries that are invalid or have failed, each with the reason |
//!
//! For every entry that it has delivered the server keeps to which consumer, when, and how often. When the
//! job is done, its worker deletes and acknowledges the entry (XDEL, XACK). While it runs, the worker renews
//! the claim (XCLAIM), every 3 seconds. What was not renewed for 10 seconds, the lease, is taken over by
//! another worker (XAUTOCLAIM): the first one has died, or has lost the connection.
//!
//! Every job is done at least once. It is done again if its worker dies between doing it and saying so, or
//! does not renew the claim and works on: it is stopped, cut off, or a handler blocks the loop. Where that
//! does harm, the handler stores with the result which job it belongs to, and looks there first.
//!
//! Needs Redis 6.2, for XAUTOCLAIM.

use crate::jobs::{Error, Job, Outcome, Source, complain, seconds};
use redis::aio::MultiplexedConnection as Connection;
use redis::{AsyncConnectionConfig, Client, Cmd, RedisError, RedisResult, Value};
use smol::channel::{self, Receiver, Sender};
use smol::lock::{Semaphore, SemaphoreGuardArc};
use smol::{Timer, future};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs, mem, process};

/// The consumer group of all workers.
const GROUP: &str = "workers";
/// How often a job is delivered.
const MOST_DELIVERIES: u64 = 5;
/// For every answer of the server. Longer than it waits for a job.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// The pauses after a failure: each twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Milliseconds since the last claim of a job that was given back: longer than any lease.
const GIVEN_BACK: u64 = 1 << 40;

/// Removes consumers that have nothing pending: those that have been silent for the lease, and one by name.
///
/// In one step: XGROUP DELCONSUMER drops what is pending, which would never be delivered again.
const REMOVE_CONSUMERS: &str = "
    for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
        local name, pending, idle = consumer[2], consumer[4], consumer[6]
        if pending == 0 and (name == ARGV[2] or idle > tonumber(ARGV[3])) then
            redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], name)
        end
    end";

/// An entry of the stream: its id; its fields, each followed by its value.
type Entry = (String, Vec<Vec<u8>>);
/// What XPENDING says: the id, the consumer, milliseconds since the last claim, deliveries.
type Claim = (String, String, u64, u64);
/// What has become of a job: the id, and the number in it.
type Ended = (String, u64, Outcome);

/// The stream on the server, and this worker's dealings with it.
pub struct RedisQueue {
    client: Client,
    /// For messages.
    address: String,
    stream: String,
    dead: String,
    consumer: String,
    lease: Duration,
    ends: (Sender<Ended>, Receiver<Ended>),
    /// The jobs taken; `Some` when they have ended. Each is here until the server knows of its end.
    claimed: RefCell<BTreeMap<String, Option<Ended>>>,
    /// When to look for jobs whose claims have not been renewed.
    next_look: Cell<Instant>,
    /// It was said that the server has gone, and not yet that it is back.
    gone: Cell<bool>,
}

impl RedisQueue {
    /// # Errors
    ///
    /// If there is no server that can be talked to.
    pub async fn open(url: &str, source: &Source) -> Result<RedisQueue, Error> {
        // Without the URL, which may have a password in it.
        let client = Client::open(url)
            .map_err(|error| format!("--redis: expected redis://HOST:PORT/DB ({error})"))?;
        let host = fs::read_to_string("/proc/sys/kernel/hostname")
            .or_else(|_| env::var("COMPUTERNAME"))
            .unwrap_or_default();
        let stream = source.queue.as_deref().unwrap_or("queue");
        let lease = source.lease.map_or(10, |seconds| seconds.get());
        let queue = RedisQueue {
            address: client.get_connection_info().addr().to_string(),
            client,
            stream: stream.to_string(),
            dead: format!("{stream}:dead"),
            consumer: format!("{}-{}", host.trim(), process::id()),
            lease: Duration::from_secs(lease.into()),
            ends: channel::unbounded(),
            claimed: RefCell::default(),
            next_look: Cell::new(Instant::now()),
            gone: Cell::new(false),
        };
        let connection = queue.connect().await;
        let mut connection = connection.map_err(|error| queue.named(&error))?;
        // Empty if that is not permitted.
        let info: RedisResult<String> =
            command("INFO", "memory").query_async(&mut connection).await;
        let info = info.unwrap_or_default();
        if let Some((_, policy)) = info.split_once("maxmemory_policy:allkeys-") {
            let policy = policy.lines().next().unwrap_or_default();
            complain(format_args!(
                "Redis at {}: maxmemory-policy allkeys-{policy} deletes {stream:?}, too, when memory \
                 runs out: expected noeviction",
                queue.address
            ));
        }
        Ok(queue)
    }

    /// Takes jobs, at most `at_once` at a time, and says what becomes of them. Returns only if that fails.
    pub async fn serve(&self, jobs: &Sender<Job>, at_once: usize) -> Result<(), Error> {
        let places = Arc::new(Semaphore::new(at_once));
        // Each has a connection of its own: nothing else gets through while the server waits for a job.
        let take = self.connected(async |redis| self.take(redis, jobs, &places).await);
        let keep = self.connected(async |redis| self.keep(redis).await);
        future::or(take, keep).await
    }

    async fn take(
        &self,
        redis: &mut Connection,
        jobs: &Sender<Job>,
        places: &Arc<Semaphore>,
    ) -> RedisResult<()> {
        loop {
            let place = places.acquire_arc().await;
            let found = match self.abandoned(redis).await? {
                None => self.undelivered(redis).await?,
                found => found,
            };
            let Some(((id, fields), deliveries)) = found else {
                continue;
            };
            match check(&fields, deliveries) {
                // This process has it already, if the server was away for longer than the lease.
                Ok(_) if self.claimed.borrow().contains_key(&id) => {}
                // Not if the program ends: then it is given back.
                Ok(seconds) => drop(jobs.send(self.job(id, seconds, place)).await),
                Err(reason) => {
                    complain(format_args!("{reason}; goes to {:?}", self.dead));
                    self.bury(redis, &fields, &reason).await?;
                    self.delete(redis, &[&id]).await?;
                }
            }
        }
    }

    fn job(&self, id: String, seconds: u64, place: SemaphoreGuardArc) -> Job {
        self.claimed.borrow_mut().insert(id.clone(), None);
        let ends = self.ends.0.clone();
        Job::new(seconds, move |outcome| {
            let _ = ends.try_send((id, seconds, outcome));
            drop(place);
        })
    }

    /// An entry that was never delivered, as soon as there is one; or `None`, after a while.
    async fn undelivered(&self, redis: &mut Connection) -> RedisResult<Option<(Entry, u64)>> {
        let mut read = command("XREADGROUP", ("GROUP", GROUP, &self.consumer));
        read.arg(("COUNT", 1, "BLOCK", milliseconds(self.look_pause())));
        read.arg(("STREAMS", &self.stream, ">"));
        let found: Option<Vec<(String, Vec<Entry>)>> = read.query_async(redis).await?;
        let mut entries = found.into_iter().flatten().flat_map(|(_, found)| found);
        Ok(entries.next().map(|entry| (entry, 1)))
    }

    /// An entry whose claim was not renewed, if there is one, and how often it has been delivered.
    async fn abandoned(&self, redis: &mut Connection) -> RedisResult<Option<(Entry, u64)>> {
        if Instant::now() < self.next_look.get() {
            return Ok(None);
        }
        let lease = milliseconds(self.lease);
        let pending = self.about_group("XPENDING", ("IDLE", lease, "-", "+", 1));
        let pending: Vec<Claim> = pending.query_async(redis).await?;
        let Some((id, _, _, deliveries)) = pending.first() else {
            self.next_look.set(Instant::now() + self.look_pause());
            return Ok(None);
        };
        let claim = self.about_group("XAUTOCLAIM", (&self.consumer, lease, id, "COUNT", 1));
        let claimed: Vec<Value> = claim.query_async(redis).await?;
        // Where to go on, the entries, and since Redis 7 which ids have no entry.
        let found = claimed.into_iter().nth(1).unwrap_or_default();
        let found: Vec<Option<Entry>> = redis::from_redis_value(found)?;
        let entry = found.into_iter().flatten().next();
        // Another one, if another worker was faster. Then it is not known how often.
        Ok(entry.map(|entry| match entry.0 == *id {
            true => (entry, deliveries + 1),
            false => (entry, 1),
        }))
    }

    /// How often to look for abandoned jobs. A worker that waits for one asks again after this time.
    fn look_pause(&self) -> Duration {
        (self.lease / 5).min(Duration::from_secs(2))
    }

    fn about_group(&self, name: &str, arguments: impl redis::ToRedisArgs) -> Cmd {
        let mut command = command(name, (&self.stream, GROUP));
        command.arg(arguments);
        command
    }

    async fn bury(
        &self,
        redis: &mut Connection,
        fields: &[Vec<u8>],
        reason: &str,
    ) -> RedisResult<()> {
        let mut add = command("XADD", (&self.dead, "*"));
        add.arg(fields).arg(("reason", reason));
        add.query_async(redis).await
    }

    /// Deleted first: an entry that is deleted and not acknowledged is acknowledged by the next XAUTOCLAIM.
    async fn delete(&self, redis: &mut Connection, ids: &[&String]) -> RedisResult<()> {
        let mut delete = command("XDEL", &self.stream);
        delete.arg(ids).query_async::<()>(redis).await?;
        self.about_group("XACK", ids).query_async(redis).await
    }

    /// Says what has become of jobs, and renews the claims of the others.
    async fn keep(&self, redis: &mut Connection) -> RedisResult<()> {
        let mut renewal = Instant::now();
        loop {
            self.tell(redis).await?;
            if Instant::now() >= renewal {
                renewal = Instant::now() + self.lease * 3 / 10;
                self.claim(redis, false).await?;
                self.remove_consumers(redis, "").await;
            }
            let due = async {
                Timer::at(renewal).await;
            };
            future::or(self.hear(), due).await;
        }
    }

    /// Waits until a job has ended.
    async fn hear(&self) {
        let first = self.ends.1.recv().await.ok();
        let more = std::iter::from_fn(|| self.ends.1.try_recv().ok());
        let mut claimed = self.claimed.borrow_mut();
        claimed.extend(
            first
                .into_iter()
                .chain(more)
                .map(|ended| (ended.0.clone(), Some(ended))),
        );
    }

    async fn tell(&self, redis: &mut Connection) -> RedisResult<()> {
        let ended: Vec<Ended> = self.claimed.borrow().values().flatten().cloned().collect();
        for (_, seconds, outcome) in &ended {
            if let Some(Err(reason)) = outcome {
                let fields = [b"n".to_vec(), seconds.to_string().into_bytes()];
                self.bury(redis, &fields, reason).await?;
            }
        }
        let done = ended.iter().filter(|(_, _, outcome)| outcome.is_some());
        let done: Vec<&String> = done.map(|(id, ..)| id).collect();
        if !done.is_empty() {
            self.delete(redis, &done).await?;
        }
        self.claimed.borrow_mut().retain(|_, ended| ended.is_none());
        Ok(())
    }

    /// Renews the claims of the jobs that run; or gives back all that this process has, and says how many.
    async fn claim(&self, redis: &mut Connection, give_back: bool) -> RedisResult<usize> {
        let mine = self.about_group("XPENDING", ("-", "+", i32::MAX, &self.consumer));
        // Without what another worker has taken over.
        let mut mine: Vec<Claim> = mine.query_async(redis).await?;
        mine.retain(|(id, ..)| give_back || self.claimed.borrow().contains_key(id));
        let mut by_deliveries: BTreeMap<u64, Vec<&String>> = BTreeMap::new();
        for (id, _, _, deliveries) in &mine {
            by_deliveries.entry(*deliveries).or_default().push(id);
        }
        for (deliveries, ids) in by_deliveries {
            let mut claim = self.about_group("XCLAIM", (&self.consumer, 0, ids));
            if give_back {
                // The one that is given back does not count.
                claim.arg((
                    "IDLE",
                    GIVEN_BACK,
                    "RETRYCOUNT",
                    deliveries.saturating_sub(1),
                ));
            }
            claim.arg("JUSTID").query_async::<()>(redis).await?;
        }
        Ok(mine.len())
    }

    async fn remove_consumers(&self, redis: &mut Connection, name: &str) {
        let mut script = command("EVAL", (REMOVE_CONSUMERS, 1, &self.stream, GROUP));
        script.arg((name, milliseconds(self.lease)));
        // Not everybody may; and the next one tries again.
        let _: RedisResult<()> = script.query_async(redis).await;
    }

    /// Says what has become of all jobs, and gives back those that are not done.
    pub async fn close(self) {
        let second = async {
            Timer::after(Duration::from_secs(1)).await;
        };
        // Those that another thread is still dropping. One that blocks its loop is not waited for.
        let all_ended = async {
            while self.claimed.borrow().values().any(Option::is_none) {
                self.hear().await;
            }
        };
        future::or(all_ended, second).await;
        if self.claimed.borrow().is_empty() && self.gone.get() {
            return;
        }
        let given_back = Cell::new(0);
        let telling = self.connected(async |redis| {
            self.tell(redis).await?;
            given_back.set(self.claim(redis, true).await?);
            self.remove_consumers(redis, &self.consumer).await;
            Ok(())
        });
        let time_limit = async {
            Timer::after(ANSWER_LIMIT).await;
            Err("no answer".into())
        };
        let told = future::or(telling, time_limit).await;
        let untold = self.claimed.borrow().len();
        match told {
            Err(error) if untold > 0 => complain(format_args!(
                "Redis at {} was not told what became of {}: to be done again, by another worker ({error})",
                self.address,
                count_jobs(untold)
            )),
            _ if given_back.get() > 0 => complain(format_args!(
                "gave back {} to {:?}",
                count_jobs(given_back.get()),
                self.stream
            )),
            _ => {}
        }
    }

    /// Calls `session` with a connection, and again with another one when that is lost.
    async fn connected(
        &self,
        session: impl AsyncFn(&mut Connection) -> RedisResult<()>,
    ) -> Result<(), Error> {
        let (mut failures, mut complained) = (0, false);
        loop {
            let error = match self.connect().await {
                Ok(mut connection) => {
                    failures = 0;
                    if mem::take(&mut complained) {
                        self.gone.set(false);
                        complain(format_args!("Redis at {} is back", self.address));
                    }
                    match session(&mut connection).await {
                        Ok(()) => return Ok(()),
                        Err(error) => error,
                    }
                }
                Err(error) => error,
            };
            if is_final(&error) {
                return Err(self.named(&error));
            }
            // Not worth a word if the next attempt succeeds.
            if failures > 0 && !self.gone.replace(true) {
                complained = true;
                complain(format_args!("{}; trying again", self.named(&error)));
            }
            let pause = FIRST_PAUSE.saturating_mul(2u32.saturating_pow(failures));
            failures += 1;
            // Not all workers at the same moment.
            let part = 0.5 + fastrand::f32() / 2.0;
            Timer::after(pause.min(LONGEST_PAUSE).mul_f32(part)).await;
        }
    }

    /// A connection to a server that has the group.
    async fn connect(&self) -> RedisResult<Connection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(ANSWER_LIMIT))
            .set_response_timeout(Some(ANSWER_LIMIT));
        let client = &self.client;
        let mut connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        let mut create = command("XGROUP", ("CREATE", &self.stream, GROUP));
        create.arg((0, "MKSTREAM"));
        match create.query_async(&mut connection).await {
            Err(error) if error.code() != Some("BUSYGROUP") => Err(error),
            Ok(()) | Err(_) => Ok(connection),
        }
    }

    fn named(&self, error: &RedisError) -> Error {
        let reason = match (error.code(), error.detail()) {
            (Some(code), Some(detail)) => format!("{code} {detail}"),
            _ => error.to_string(),
        };
        let version = match reason.contains("unknown command") {
            true => "; expected Redis 6.2 or later",
            false => "",
        };
        format!("Redis at {}: {reason}{version}", self.address).into()
    }
}

/// Whether there is no point in trying again: the server understands, and refuses. Other errors pass: it is
/// starting, busy, out of memory, a replica until the next failover, has too many clients, …
fn is_final(error: &RedisError) -> bool {
    let passes = "BUSY CLUSTERDOWN LOADING MASTERDOWN MISCONF NOGROUP NOREPLICAS OOM READONLY TRYAGAIN UNBLOCKED";
    let too_many = error
        .detail()
        .is_some_and(|text| text.contains("max number of clients"));
    let code = error.code().unwrap_or_default();
    !error.is_io_error() && !too_many && !passes.split(' ').any(|passes| passes == code)
}

/// What is to be done for an entry, or why it is not.
fn check(fields: &[Vec<u8>], deliveries: u64) -> Result<u64, String> {
    let field = fields.chunks_exact(2).find(|field| field[0] == b"n");
    let seconds = seconds(&field.ok_or("no field n")?[1])?;
    match deliveries {
        0..=MOST_DELIVERIES => Ok(seconds),
        _ => Err(format!(
            "{seconds}: delivered {MOST_DELIVERIES} times and not done"
        )),
    }
}

fn command(name: &str, arguments: impl redis::ToRedisArgs) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(arguments);
    command
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// `1 job`, `2 jobs`.
fn count_jobs(n: usize) -> String {
    format!("{n} {}", if n == 1 { "job" } else { "jobs" })
}
