//! Jobs from a list of a Redis server, shared with any number of other workers. None gets lost.
//!
//! | key | what it is |
//! |---|---|
//! | `queue` | the list of jobs that wait: `redis-cli lpush queue 5` |
//! | `queue:working:WORKER:N` | a list with one job, which is being worked on |
//! | `queue:working` | when somebody has last spoken for each of these lists (a sorted set) |
//! | `queue:dead` | the list of jobs that are none, and of those that have failed |
//!
//! A job is moved from the first to the second in one step (BLMOVE), and deleted there when it is done.
//! Every 3 seconds a worker, which is a process, speaks for its lists, and moves back what is in a list that
//! nobody has spoken for in 10: its worker has died, or has lost its connection while it was taking a job. So
//! a job is back within 14 seconds in which some worker runs. (By the server's clock. Time in which no worker
//! at all was heard of does not count: it may have been the server that was away.)
//!
//! Every job is done at least once. It is done again if its worker dies between doing it and saying so, or
//! is silent for 10 seconds and works on: stopped, cut off, or in a handler that blocks the loop. Who
//! cannot live with that writes down with the result which job it belongs to, and does nothing if that is
//! there already.
//!
//! Needs Redis 6.2, for LMOVE.

use crate::jobs::{End, Error, Job, complain, count_jobs, seconds};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, Pipeline, RedisError, RedisResult};
use smol::channel::{self, Receiver, Sender};
use smol::lock::Mutex;
use smol::{Timer, future};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use std::{io, process};

/// How often a worker speaks for its lists.
const HEARTBEAT: Duration = Duration::from_secs(3);
/// After how many seconds of silence a list is nobody's.
const DEAD_AFTER: u64 = 10;
/// After how many seconds in which nobody was heard of nobody is to blame: two heartbeats.
const ALL_SILENT: u64 = 6;
/// After how many seconds a list that is nobody's is forgotten. Until then a command that was sent over a
/// lost connection may still arrive, and put a job there.
const FORGOTTEN_AFTER: u64 = 3600;
/// How many seconds the server waits for a job before it says that there is none. Then it is asked again.
const BLOCK: u64 = 5;
/// For all other answers.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// How long giving back jobs may take at the end.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// The pauses after a failure: each twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Speaks for lists, and moves back what is in those that are nobody's. Says how many jobs that was.
///
/// KEYS: the sorted set, the queue. ARGV: the first three limits above, and the lists.
const SPEAK: &str = "
    local set, queue = KEYS[1], KEYS[2]
    local dead_after, forgotten_after = ARGV[1], ARGV[3]
    local now = tonumber(redis.call('TIME')[1])
    local last = redis.call('ZREVRANGE', set, 0, 0, 'WITHSCORES')[2]
    if last and now - last > tonumber(ARGV[2]) then
        -- This time counts for nobody who was alive then.
        for _, list in ipairs(redis.call('ZRANGEBYSCORE', set, '(' .. (last - dead_after), '+inf')) do
            redis.call('ZINCRBY', set, now - last, list)
        end
    end
    for i = 4, #ARGV do
        redis.call('ZADD', set, now, ARGV[i])
    end
    local moved = 0
    for _, list in ipairs(redis.call('ZRANGEBYSCORE', set, '-inf', now - dead_after)) do
        while redis.call('LMOVE', list, queue, 'RIGHT', 'RIGHT') do
            moved = moved + 1
        end
    end
    redis.call('ZREMRANGEBYSCORE', set, '-inf', now - forgotten_after)
    return moved";

/// Moves the job in a list, and forgets the list. Not if the job cannot be moved.
///
/// KEYS: the list, where to, the sorted set. ARGV: to which end.
const MOVE: &str = "
    redis.call('LMOVE', KEYS[1], KEYS[2], 'RIGHT', ARGV[1])
    redis.call('ZREM', KEYS[3], KEYS[1])";

/// The queue on the server, and this worker's dealings with it.
///
/// The commands that wait for jobs have a connection each, since nothing else gets through meanwhile.
/// What becomes of the jobs goes over one more, by way of [`keep`](RedisQueue::keep). (The crate `redis`
/// has its connections served by `smol::spawn`, on another thread.)
pub struct RedisQueue {
    client: Client,
    /// For messages.
    address: String,
    queue: String,
    working: String,
    dead: String,
    /// What the names of this worker's lists begin with. Spoken for like a list, so that somebody is
    /// heard of also when there is none.
    worker: String,
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
    /// To be spoken for from now on.
    Open,
    /// The job in it is done.
    Done,
    /// The job in it goes back.
    GiveBack,
    /// The job in it goes to the dead.
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
        // Without the URL, which may have a password in it.
        let client = Client::open(url)
            .map_err(|error| format!("--redis: expected redis://HOST:PORT/DB ({error})"))?;
        let address = client.get_connection_info().addr().to_string();
        let working = format!("{queue}:working");
        let worker = format!("{working}:{}-{:016x}", process::id(), fastrand::u64(..));
        let (messages, receiver) = channel::unbounded();
        let mut queue = RedisQueue {
            client,
            address,
            queue: queue.to_string(),
            dead: format!("{queue}:dead"),
            keeper: Mutex::new(Keeper::new(receiver, worker.clone())),
            worker,
            working,
            lists: Cell::new(0),
            messages,
            gone: Cell::new(false),
        };
        let mut link = Link::default();
        let hello = queue.speak(&queue.worker);
        match link.try_ask(&queue, &hello, ANSWER_LIMIT).await {
            Ok((moved,)) => queue.spoken(moved),
            Err(error) => return Err(queue.named(&error)),
        }
        queue.keeper.get_mut().link = link;
        Ok(queue)
    }

    pub fn jobs(&self) -> RedisJobs<'_> {
        RedisJobs {
            queue: self,
            link: Link::default(),
            list: None,
        }
    }

    /// Does what the messages say, and speaks for this worker's lists. Returns only if that fails.
    pub async fn keep(&self) -> Error {
        let mut keeper = self.keeper.lock().await;
        match keeper.work(self).await {
            Err(error) => error,
            Ok(()) => future::pending().await,
        }
    }

    /// Waits until the messages sent so far have been dealt with, but not for long.
    pub async fn close(self) {
        send(&self.messages, &self.worker, What::Close);
        self.messages.close();
        let mut keeper = self.keeper.lock().await;
        let time_limit = async {
            Timer::after(CLOSE_LIMIT).await;
            Err("no answer".into())
        };
        let result = future::or(keeper.work(&self), time_limit).await;
        let untold = keeper.pending.iter();
        let untold = untold.filter(|m| !matches!(m.what, What::Close | What::Abandon));
        let untold = untold.count();
        if let (1.., Err(error)) = (untold, result) {
            let jobs = count_jobs(untold);
            complain(format_args!(
                "Redis at {} was not told what became of {jobs}: to be done again, by another worker \
                 ({error})",
                self.address
            ));
        } else if keeper.given_back > 0 {
            let jobs = count_jobs(keeper.given_back);
            complain(format_args!("gave back {jobs} to {:?}", self.queue));
        }
    }

    fn named(&self, error: &RedisError) -> Error {
        // Of a pipeline, the first of the errors.
        let reason = match error.clone().into_server_errors().as_deref() {
            Some([(_, first), ..]) => {
                let details = first.details().unwrap_or_default();
                // Without where in which script it was.
                let details = details.split(" script: ").next().unwrap_or(details);
                format!("{} {details}", first.code())
            }
            _ => error.to_string(),
        };
        format!("Redis at {}: {reason}", self.address).into()
    }

    /// The server has understood [`SPEAK`], and has moved so many jobs.
    fn spoken(&self, moved: usize) {
        if self.gone.replace(false) {
            complain(format_args!("Redis at {} is back", self.address));
        }
        if moved > 0 {
            let (jobs, queue) = (count_jobs(moved), &self.queue);
            complain(format_args!(
                "{jobs} of workers that have gone: back in {queue:?}"
            ));
        }
    }

    /// A connection of one's own.
    async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(ANSWER_LIMIT))
            // After half a second, by default. Then the answer is lost, and a job with it.
            .set_response_timeout(None);
        let client = &self.client;
        client
            .get_multiplexed_async_connection_with_config(&config)
            .await
    }

    fn new_list(&self) -> List {
        let number = self.lists.replace(self.lists.get() + 1);
        let list = List {
            name: format!("{}:{number}", self.worker),
            messages: self.messages.clone(),
            at_the_end: What::Close,
        };
        send(&list.messages, &list.name, What::Open);
        list
    }

    fn speak(&self, list: &String) -> Pipeline {
        let mut commands = redis::pipe();
        self.add_speak(&mut commands, [list]);
        commands
    }

    fn add_speak<'a>(&self, commands: &mut Pipeline, lists: impl IntoIterator<Item = &'a String>) {
        commands.cmd("EVAL").arg(SPEAK).arg(2);
        commands.arg(&self.working).arg(&self.queue);
        commands.arg(&[DEAD_AFTER, ALL_SILENT, FORGOTTEN_AFTER]);
        for list in lists {
            commands.arg(list);
        }
    }

    /// All of these do nothing the second time.
    fn add_message(&self, commands: &mut Pipeline, Message { list, what }: &Message) {
        let mut move_to = |key: &str, end: &str| {
            commands.cmd("EVAL").arg(MOVE).arg(3);
            commands
                .arg(list)
                .arg(key)
                .arg(&self.working)
                .arg(end)
                .ignore();
        };
        match what {
            What::Open => {}
            // The next to be taken.
            What::GiveBack => move_to(&self.queue, "RIGHT"),
            What::Bury => move_to(&self.dead, "LEFT"),
            What::Done | What::Close => {
                commands.cmd("DEL").arg(list).ignore();
                commands.cmd("ZREM").arg(&self.working).arg(list).ignore();
            }
            // Not forgotten: a job may still come.
            What::Abandon => {
                commands.cmd("LMOVE").arg(list).arg(&self.queue);
                commands.arg("RIGHT").arg("RIGHT").ignore();
            }
        }
    }
}

/// A list for one job. What becomes of it is told when this is dropped.
struct List {
    name: String,
    messages: Sender<Message>,
    at_the_end: What,
}

impl List {
    fn ends_as(mut self, what: What) {
        self.at_the_end = what;
    }
}

impl Drop for List {
    fn drop(&mut self) {
        send(&self.messages, &self.name, self.at_the_end);
    }
}

fn send(messages: &Sender<Message>, list: &str, what: What) {
    let list = list.to_string();
    // Refused only after the end: then nobody speaks for it any more, which is enough.
    let _ = messages.try_send(Message { list, what });
}

/// A connection that is made again when it has been lost.
#[derive(Default)]
struct Link {
    /// `None` while an answer is awaited, so that cancelling that closes the connection: else the server
    /// would still answer, with a job that nobody gets.
    connection: Option<MultiplexedConnection>,
    /// In a row.
    failures: u32,
}

impl Link {
    /// The answer to `commands`; or `None`, after a pause, if it is worth trying again.
    async fn ask<T: FromRedisValue>(
        &mut self,
        queue: &RedisQueue,
        commands: &Pipeline,
        limit: Duration,
    ) -> Result<Option<T>, Error> {
        let error = match self.try_ask(queue, commands, limit).await {
            Ok(answer) => {
                self.failures = 0;
                return Ok(Some(answer));
            }
            Err(error) if is_final(&error) => return Err(queue.named(&error)),
            Err(error) => error,
        };
        // Not worth a word if the next attempt succeeds.
        if self.failures > 0 && !queue.gone.replace(true) {
            complain(format_args!("{}; trying again", queue.named(&error)));
        }
        let pause = FIRST_PAUSE.saturating_mul(2u32.saturating_pow(self.failures));
        self.failures += 1;
        // Not all workers at the same moment.
        let part = 0.5 + fastrand::f32() / 2.0;
        Timer::after(pause.min(LONGEST_PAUSE).mul_f32(part)).await;
        Ok(None)
    }

    async fn try_ask<T: FromRedisValue>(
        &mut self,
        queue: &RedisQueue,
        commands: &Pipeline,
        limit: Duration,
    ) -> RedisResult<T> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => queue.connect().await?,
        };
        let too_late = async {
            Timer::after(limit).await;
            Err(io::Error::from(io::ErrorKind::TimedOut).into())
        };
        let answer = future::or(commands.query_async(&mut connection), too_late).await?;
        self.connection = Some(connection);
        Ok(answer)
    }
}

/// Whether there is no point in trying again: the server understands, and refuses. Other errors pass: it
/// is starting, busy, out of memory, a replica until the next failover, …
fn is_final(error: &RedisError) -> bool {
    const FINAL: [&str; 6] = [
        "ERR",
        "WRONGTYPE",
        "NOAUTH",
        "WRONGPASS",
        "NOPERM",
        "NOPROTO",
    ];
    if error.is_io_error() {
        return false;
    }
    match error.clone().into_server_errors() {
        Some(errors) => errors.iter().any(|(_, error)| {
            let passes = error
                .details()
                .is_some_and(|text| text.contains("max number of clients"));
            FINAL.contains(&error.code()) && !passes
        }),
        // Not the server's: a wrong password, an answer that is none, …
        None => true,
    }
}

/// A consumer of the queue.
pub struct RedisJobs<'a> {
    queue: &'a RedisQueue,
    /// Nobody else's: a command that waits holds up all others.
    link: Link,
    /// Where the next job is to go.
    list: Option<List>,
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

    async fn take_within(&mut self, wait: u64) -> Result<Option<Job>, Error> {
        let RedisJobs { queue, link, .. } = self;
        loop {
            let mut list = self.list.take().unwrap_or_else(|| queue.new_list());
            // Before a job can get there, it is somebody's.
            let speak = queue.speak(&list.name);
            let Some((moved,)) = link.ask(queue, &speak, ANSWER_LIMIT).await? else {
                self.list = Some(list);
                continue;
            };
            queue.spoken(moved);

            let mut taking = redis::pipe();
            taking.cmd(if wait > 0 { "BLMOVE" } else { "LMOVE" });
            taking
                .arg(&queue.queue)
                .arg(&list.name)
                .arg(&["RIGHT", "LEFT"]);
            if wait > 0 {
                taking.arg(wait);
            }
            // If the answer does not come. The next attempt has another list.
            list.at_the_end = What::Abandon;
            let limit = ANSWER_LIMIT + Duration::from_secs(wait);
            match link
                .ask::<(Option<Vec<u8>>,)>(queue, &taking, limit)
                .await?
            {
                None => {}
                Some((None,)) => {
                    list.at_the_end = What::Close;
                    self.list = Some(list);
                    return Ok(None);
                }
                Some((Some(text),)) => match seconds(&text) {
                    Ok(seconds) => return Ok(Some(job(seconds, list))),
                    Err(complaint) => {
                        complain(format_args!("{complaint}; goes to {:?}", queue.dead));
                        list.at_the_end = What::Bury;
                    }
                },
            }
        }
    }
}

/// The job that is in this list.
fn job(seconds: u64, list: List) -> Job {
    Job::new(seconds, move |end| {
        list.ends_as(match end {
            End::Done => What::Done,
            End::Failed => What::Bury,
            End::GivenBack => What::GiveBack,
        });
    })
}

/// The end of the messages.
struct Keeper {
    messages: Receiver<Message>,
    link: Link,
    /// Dealt with by the server only when it has said so.
    pending: Vec<Message>,
    /// The lists to speak for.
    mine: BTreeSet<String>,
    next_heartbeat: Instant,
    given_back: usize,
}

impl Keeper {
    fn new(messages: Receiver<Message>, worker: String) -> Keeper {
        Keeper {
            messages,
            link: Link::default(),
            pending: Vec::new(),
            mine: BTreeSet::from([worker]),
            next_heartbeat: Instant::now() + HEARTBEAT,
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

    /// Sends what there is to say, once.
    async fn tell(&mut self, queue: &RedisQueue) -> Result<(), Error> {
        let now = Instant::now();
        let is_due = now >= self.next_heartbeat;
        if self.pending.is_empty() && !is_due {
            return Ok(());
        }
        let mut commands = redis::pipe();
        for message in &self.pending {
            queue.add_message(&mut commands, message);
        }
        if is_due {
            queue.add_speak(&mut commands, &self.mine);
        }
        let answers: Option<Vec<usize>> = self.link.ask(queue, &commands, ANSWER_LIMIT).await?;
        if let Some(answers) = answers {
            let given_back = self.pending.iter().filter(|m| m.what == What::GiveBack);
            self.given_back += given_back.count();
            self.pending.clear();
            // Only this one has an answer.
            if let Some(moved) = answers.first() {
                self.next_heartbeat = now + HEARTBEAT;
                queue.spoken(*moved);
            }
        }
        Ok(())
    }
}
