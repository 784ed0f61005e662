//! Jobs from a list of a Redis server, shared with any number of other workers. None gets lost.
//!
//! | key | what it is |
//! |---|---|
//! | `queue` | the list of jobs that wait: `redis-cli lpush queue 5` |
//! | `queue:working:WORKER:N` | a list with one job, the one that is being worked on |
//! | `queue:working` | for each of these lists, when its worker was last heard of (a sorted set) |
//! | `queue:dead` | the list of jobs that are none |
//!
//! A job is moved from the first to the second in one step (BLMOVE), and deleted there when it is done.
//! Every 3 seconds a worker says which lists are its own, and moves back what is in a list of which
//! nobody has spoken for 10: its worker has died, or lost the connection while it was taking a job. So a
//! job is back within 14 seconds as long as any worker runs, and otherwise as soon as one starts.
//!
//! Every job is done at least once. It is done again if its worker dies between doing it and saying so,
//! or cannot be heard of for 10 seconds and works on. Who cannot live with that writes down with the
//! result which job it belongs to, and does nothing if that is there already.
//!
//! Needs Redis 6.2, for LMOVE.

use crate::jobs::{End, Error, Job, complain, seconds};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Pipeline, RedisError, RedisResult};
use smol::channel::{self, Receiver, Sender};
use smol::lock::Mutex;
use smol::{Timer, future};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use std::{io, process};

/// How often a worker is heard of.
const HEARTBEAT: Duration = Duration::from_secs(3);
/// After how long without a heartbeat a worker counts as dead. Seconds, by the server's clock.
const DEAD_AFTER: u64 = 10;
/// After how long a list that nobody speaks for is forgotten. Until then a command that was sent over a
/// lost connection may still arrive, and put a job there.
const FORGOTTEN_AFTER: u64 = 3600;
/// How long the server waits for a job before it says that there is none. Then it is asked again.
const BLOCK: u64 = 5;
/// For everything that does not wait for a job.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// How long giving back jobs may take at the end.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// The pauses between attempts to connect: each twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// KEYS: the sorted set. ARGV: a list. Says now that the list is somebody's.
const CLAIM: &str = "redis.call('ZADD', KEYS[1], redis.call('TIME')[1], ARGV[1])";

/// KEYS: the sorted set, the queue. ARGV: two limits, and the lists that are mine. Moves back what is in
/// the lists that are nobody's, if the first limit is not empty, and says how many jobs that was.
const HEARTBEAT_SCRIPT: &str = "
    local now = tonumber(redis.call('TIME')[1])
    for i = 3, #ARGV do
        redis.call('ZADD', KEYS[1], now, ARGV[i])
    end
    local moved = 0
    if ARGV[1] ~= '' then
        for _, list in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1])) do
            while redis.call('LMOVE', list, KEYS[2], 'RIGHT', 'RIGHT') do
                moved = moved + 1
            end
        end
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
    end
    return moved";

/// The queue on the server, and this worker's dealings with it.
///
/// The commands that wait for jobs have a connection each, since nothing else gets through meanwhile.
/// Everything else goes over one more, by way of [`keep`](RedisQueue::keep). (The crate `redis` has
/// its connections served by `smol::spawn`, on another thread.)
pub struct RedisQueue {
    client: Client,
    /// For messages.
    address: String,
    queue: String,
    working: String,
    dead: String,
    /// What the names of this worker's lists begin with.
    prefix: String,
    lists: Cell<u64>,
    messages: Sender<Message>,
    /// Locked by whoever deals with the messages: `keep`, and then `close`.
    keeper: Mutex<Keeper>,
    /// It was said that the server has gone, and not yet that it is back.
    gone: Cell<bool>,
}

/// What is to be done about a list of this worker's.
struct Message {
    list: String,
    what: What,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// A job may get there from now on.
    Open,
    /// The job in it is done.
    Done,
    /// The job in it goes back.
    GiveBack,
    /// The job in it is none.
    Bury,
    /// No job has got there, and none will.
    Close,
    /// A job may have got there, or still get there.
    Abandon,
}

impl RedisQueue {
    /// # Errors
    ///
    /// If there is no server at `url` that can be talked to.
    pub async fn open(url: &str, queue: &str) -> Result<RedisQueue, Error> {
        let client = Client::open(url).map_err(|error| {
            // Without what stands before an `@`: that may be a password.
            let address = url.rsplit('@').next().unwrap_or(url);
            format!("{address:?}: expected redis://HOST:PORT/DB ({error})")
        })?;
        let address = client.get_connection_info().addr().to_string();
        let working = format!("{queue}:working");
        let (messages, receiver) = channel::unbounded();
        let mut queue = RedisQueue {
            client,
            address,
            queue: queue.to_string(),
            dead: format!("{queue}:dead"),
            prefix: format!("{working}:{}-{:08x}", process::id(), fastrand::u32(..)),
            working,
            lists: Cell::new(0),
            messages,
            keeper: Mutex::new(Keeper::new(receiver)),
            gone: Cell::new(false),
        };
        match queue.connect().await {
            Ok(connection) => queue.keeper.get_mut().connection = Some(connection),
            Err(error) => return Err(queue.named(&error)),
        }
        Ok(queue)
    }

    pub fn jobs(&self) -> RedisJobs<'_> {
        RedisJobs {
            queue: self,
            connection: None,
            list: None,
        }
    }

    fn named(&self, error: &RedisError) -> Error {
        format!("Redis at {}: {error}", self.address).into()
    }

    /// A connection of one's own.
    async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(ANSWER_LIMIT))
            // After half a second, by default. Then the answer is lost, and a job with it.
            .set_response_timeout(None);
        let opening = self
            .client
            .get_multiplexed_async_connection_with_config(&config);
        let mut connection = opening.await?;
        // A server that has just been started may not be ready.
        let ready = redis::cmd("LLEN").arg(&self.queue).to_owned();
        let ready = ready.query_async::<u64>(&mut connection);
        within(ANSWER_LIMIT, ready).await?;
        Ok(connection)
    }

    /// A connection, after the last one was lost with `error`. Tries until there is one.
    async fn connect_again(&self, error: RedisError) -> Result<MultiplexedConnection, Error> {
        let mut error = error;
        let mut pause = FIRST_PAUSE;
        loop {
            if is_final(&error) {
                return Err(self.named(&error));
            }
            // Not all workers at the same moment.
            Timer::after(pause.mul_f32(0.5 + fastrand::f32() / 2.0)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            match self.connect().await {
                Ok(connection) => {
                    if self.gone.replace(false) {
                        complain(format_args!("Redis at {} is back", self.address));
                    }
                    return Ok(connection);
                }
                Err(again) => error = again,
            }
            if !is_final(&error) && !self.gone.replace(true) {
                complain(format_args!("{}; trying again", self.named(&error)));
            }
        }
    }

    /// Does what the messages say, and sends the heartbeats. Returns only if that fails.
    pub async fn keep(&self) -> Error {
        let mut keeper = self.keeper.lock().await;
        match keeper.work(self).await {
            Err(error) => error,
            Ok(()) => future::pending().await,
        }
    }

    /// Waits until the messages sent so far have been dealt with, but not for long.
    pub async fn close(self) {
        self.messages.close();
        let mut keeper = self.keeper.lock().await;
        let result = future::or(async { Ok(keeper.work(&self).await) }, async {
            Timer::after(CLOSE_LIMIT).await;
            Err(())
        })
        .await;
        let error = match result {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(()) => Some(format!("Redis at {} does not answer", self.address)),
        };
        if let Some(error) = error {
            complain(format_args!(
                "{error}; unfinished jobs go back when another worker has not heard of this one for \
                 {DEAD_AFTER} s"
            ));
        } else if keeper.given_back > 0 {
            let n = keeper.given_back;
            let jobs = if n == 1 { "job" } else { "jobs" };
            complain(format_args!("gave back {n} {jobs} to {:?}", self.queue));
        }
    }
}

/// Whether there is no point in trying again: the server can be reached, and refuses.
fn is_final(error: &RedisError) -> bool {
    const FOR_NOW: [&str; 7] = [
        "LOADING",
        "BUSY",
        "TRYAGAIN",
        "READONLY",
        "MASTERDOWN",
        "CLUSTERDOWN",
        "NOREPLICAS",
    ];
    !error.is_io_error() && error.code().is_none_or(|code| !FOR_NOW.contains(&code))
}

/// What `command` returns, or an error after `limit`.
async fn within<T>(
    limit: Duration,
    command: impl Future<Output = RedisResult<T>>,
) -> RedisResult<T> {
    future::or(command, async {
        Timer::after(limit).await;
        Err(io::Error::from(io::ErrorKind::TimedOut).into())
    })
    .await
}

/// A consumer of the queue.
pub struct RedisJobs<'a> {
    queue: &'a RedisQueue,
    /// Nobody else's: a command that waits holds up all others. `None` while a command is under way, so
    /// that cancelling it closes the connection: else the server would still answer it, with a job.
    connection: Option<MultiplexedConnection>,
    /// Where the next job is to go.
    list: Option<List<'a>>,
}

/// A list for one job.
struct List<'a> {
    name: String,
    queue: &'a RedisQueue,
    /// What to say about it when it is dropped.
    at_the_end: What,
}

impl Drop for List<'_> {
    fn drop(&mut self) {
        self.queue.send(&self.name, self.at_the_end);
    }
}

impl RedisQueue {
    fn send(&self, list: &str, what: What) {
        // Refused only after the end, when nobody is left to be told.
        let list = list.to_string();
        let _ = self.messages.try_send(Message { list, what });
    }

    fn new_list(&self) -> List<'_> {
        let number = self.lists.replace(self.lists.get() + 1);
        let name = format!("{}:{number}", self.prefix);
        self.send(&name, What::Open);
        List {
            name,
            queue: self,
            at_the_end: What::Close,
        }
    }
}

impl RedisJobs<'_> {
    /// Waits for a job.
    pub async fn take(&mut self) -> Result<Job, Error> {
        loop {
            if let Some(job) = self.take_within(BLOCK).await? {
                return Ok(job);
            }
        }
    }

    /// A job, if there is one now.
    pub async fn try_take(&mut self) -> Result<Option<Job>, Error> {
        self.take_within(0).await
    }

    async fn take_within(&mut self, seconds: u64) -> Result<Option<Job>, Error> {
        let RedisQueue { queue, working, .. } = self.queue;
        let mut lost = None;
        loop {
            let mut connection = match (self.connection.take(), lost) {
                (Some(connection), _) => connection,
                (None, Some(error)) => self.queue.connect_again(error).await?,
                (None, None) => match self.queue.connect().await {
                    Ok(connection) => connection,
                    Err(error) => self.queue.connect_again(error).await?,
                },
            };
            let mut list = self.list.take().unwrap_or_else(|| self.queue.new_list());
            list.at_the_end = What::Abandon;
            let mut commands = redis::pipe();
            commands.cmd("EVAL").arg(CLAIM).arg(1);
            commands.arg(working).arg(&list.name).ignore();
            commands.cmd(if seconds > 0 { "BLMOVE" } else { "LMOVE" });
            commands.arg(queue).arg(&list.name).arg(("RIGHT", "LEFT"));
            if seconds > 0 {
                commands.arg(seconds);
            }
            let answer = commands.query_async(&mut connection);
            let limit = ANSWER_LIMIT + Duration::from_secs(seconds);
            match within(limit, answer).await {
                Err(error) => lost = Some(error),
                Ok((None,)) => {
                    list.at_the_end = What::Close;
                    (self.connection, self.list) = (Some(connection), Some(list));
                    return Ok(None);
                }
                Ok((Some(text),)) => {
                    self.connection = Some(connection);
                    lost = None;
                    match self.job(text, list) {
                        Ok(job) => return Ok(Some(job)),
                        Err(complaint) => complain(complaint),
                    }
                }
            }
        }
    }

    /// The job that is in this list now.
    fn job(&self, text: Vec<u8>, mut list: List<'_>) -> Result<Job, String> {
        match seconds(&text) {
            Err(complaint) => {
                list.at_the_end = What::Bury;
                Err(format!("{complaint}; now in {:?}", self.queue.dead))
            }
            Ok(seconds) => {
                let (name, messages) = (list.name.clone(), self.queue.messages.clone());
                list.at_the_end = What::Open; // as it was: from now on the job tells
                Ok(Job::new(seconds, move |end| {
                    let what = match end {
                        End::Done => What::Done,
                        End::GivenBack => What::GiveBack,
                    };
                    let _ = messages.try_send(Message { list: name, what });
                }))
            }
        }
    }
}

/// The end of the messages.
struct Keeper {
    messages: Receiver<Message>,
    connection: Option<MultiplexedConnection>,
    /// Dealt with by the server only when it has said so. Doing it twice does no harm.
    pending: Vec<Message>,
    /// The lists to speak for.
    mine: BTreeSet<String>,
    next_heartbeat: Instant,
    /// Others may be taken for dead from then on.
    patient_until: Instant,
    given_back: usize,
}

impl Keeper {
    fn new(messages: Receiver<Message>) -> Keeper {
        Keeper {
            messages,
            connection: None,
            pending: Vec::new(),
            mine: BTreeSet::new(),
            next_heartbeat: Instant::now(),
            patient_until: Instant::now(),
            given_back: 0,
        }
    }

    /// Returns when the messages have ended and all of them have been dealt with.
    ///
    /// It can be cancelled and called again.
    async fn work(&mut self, queue: &RedisQueue) -> Result<(), Error> {
        loop {
            if self.pending.is_empty() {
                let next_message = async { Some(self.messages.recv().await) };
                let heartbeat = async {
                    Timer::at(self.next_heartbeat).await;
                    None
                };
                match future::or(next_message, heartbeat).await {
                    Some(Ok(message)) => self.take_in(message),
                    Some(Err(_)) => return Ok(()),
                    None => {}
                }
            }
            while let Ok(message) = self.messages.try_recv() {
                self.take_in(message);
            }
            self.tell(queue).await?;
        }
    }

    fn take_in(&mut self, message: Message) {
        if message.what == What::Open {
            self.mine.insert(message.list);
        } else {
            self.mine.remove(&message.list);
            self.pending.push(message);
        }
    }

    /// Sends what there is to say, until the server has heard it.
    async fn tell(&mut self, queue: &RedisQueue) -> Result<(), Error> {
        let mut lost = None;
        loop {
            let now = Instant::now();
            let is_due = now >= self.next_heartbeat;
            if self.pending.is_empty() && !is_due {
                return Ok(());
            }
            let mut connection = match (self.connection.take(), lost) {
                (Some(connection), _) => connection,
                (None, lost) => {
                    let lost = lost.unwrap_or_else(|| io::Error::other("no connection").into());
                    let connection = queue.connect_again(lost).await?;
                    // The others could not be heard of either.
                    self.patient_until = Instant::now() + Duration::from_secs(DEAD_AFTER);
                    connection
                }
            };
            let mut commands = redis::pipe();
            for Message { list, what } in &self.pending {
                queue.add_commands(&mut commands, list, *what);
            }
            if is_due {
                let dead_after = match now >= self.patient_until {
                    true => DEAD_AFTER.to_string(),
                    false => String::new(),
                };
                commands.cmd("EVAL").arg(HEARTBEAT_SCRIPT).arg(2);
                commands.arg(&queue.working).arg(&queue.queue);
                commands
                    .arg(dead_after)
                    .arg(FORGOTTEN_AFTER)
                    .arg(&self.mine);
            }
            match within(ANSWER_LIMIT, commands.query_async(&mut connection)).await {
                Err(error) => lost = Some(error),
                Ok(moved) => {
                    let moved: Vec<u64> = moved;
                    self.connection = Some(connection);
                    let given_back = self.pending.iter();
                    self.given_back += given_back.filter(|m| m.what == What::GiveBack).count();
                    self.pending.clear();
                    if is_due {
                        self.next_heartbeat = now + HEARTBEAT;
                    }
                    if let Some(n @ 1..) = moved.first() {
                        let jobs = if *n == 1 { "job" } else { "jobs" };
                        complain(format_args!(
                            "{n} {jobs} of workers that have gone: back in the queue"
                        ));
                    }
                    return Ok(());
                }
            }
        }
    }
}

impl RedisQueue {
    /// All of these do nothing the second time.
    fn add_commands(&self, commands: &mut Pipeline, list: &str, what: What) {
        let mut move_to = |key: &str, end: &str| {
            commands.cmd("LMOVE").arg(list).arg(key);
            commands.arg("RIGHT").arg(end).ignore();
        };
        match what {
            What::Done => {
                commands.cmd("DEL").arg(list).ignore();
            }
            // The next to be taken.
            What::GiveBack | What::Abandon => move_to(&self.queue, "RIGHT"),
            What::Bury => move_to(&self.dead, "LEFT"),
            What::Open | What::Close => {}
        }
        // What has been abandoned stays in there, for the job that may still come.
        if what != What::Abandon {
            commands.cmd("ZREM").arg(&self.working).arg(list).ignore();
        }
    }
}
