//! `tcp_stream`: all bytes arrive, the end is found, no task hangs, and an empty socket is not read.

#[path = "common/watchdog.rs"]
mod watchdog;

use asyncio_to_smol::tcp_stream::TcpStream;
use smol::future::{poll_once, zip};
use smol::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use smol::{Async, Timer};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{self, Shutdown, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};
use watchdog::end_if_it_hangs;

/// Both ends of a connection, this one also as its socket, and the other one with calls that block.
fn connection() -> (TcpStream, net::TcpStream, net::TcpStream) {
    end_if_it_hangs();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (there, _) = listener.accept().unwrap();
    there.set_nodelay(true).unwrap();
    let here = TcpStream::new(Async::new(socket.try_clone().unwrap()).unwrap());
    (here, socket, there)
}

fn poll_read(stream: &mut TcpStream, waker: &Waker, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
    Pin::new(stream).poll_read(&mut Context::from_waker(waker), buffer)
}

/// Nothing has come.
#[track_caller]
fn assert_pending(poll: Poll<io::Result<usize>>) {
    assert!(poll.is_pending(), "{poll:?}");
}

/// So much has come.
#[track_caller]
fn assert_read(poll: Poll<io::Result<usize>>, length: usize) {
    assert!(
        matches!(poll, Poll::Ready(Ok(n)) if n == length),
        "{poll:?}"
    );
}

/// Waits until so much can be read, without reading it, and without smol's knowing.
fn wait_until_there(socket: &net::TcpStream, length: usize) {
    let mut buffer = vec![0; length];
    let until = Instant::now() + Duration::from_secs(60);
    while !matches!(socket.peek(&mut buffer), Ok(n) if n == length) {
        assert!(Instant::now() < until, "it does not arrive");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Of any length, and no two parts of it alike.
fn bytes(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(length as u64);
    (0..length).map(|_| random.u8(..)).collect()
}

/// How often it was woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Wakes {
    fn waker() -> (Arc<Wakes>, Waker) {
        let wakes = Arc::new(Wakes::default());
        (Arc::clone(&wakes), Waker::from(wakes))
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Lets the loop turn until it has been woken more often than so many times.
    fn wait(&self, before: usize) {
        let begin = Instant::now();
        while self.count() == before && begin.elapsed() < Duration::from_secs(60) {
            smol::block_on(Timer::after(Duration::from_millis(1)));
        }
        assert_ne!(self.count(), before, "it was not woken");
    }
}

/// Polls only when it is woken, which may be once in vain: async-io does not trust what it is told while it
/// was being asked.
fn read_when_woken(stream: &mut TcpStream, wakes: &Wakes, waker: &Waker) -> usize {
    for seen in 0.. {
        wakes.wait(seen);
        if let Poll::Ready(length) = poll_read(stream, waker, &mut [0; 8]) {
            return length.unwrap();
        }
        assert!(seen == 0, "it is woken again and again");
    }
    unreachable!()
}

// ------------------------------------------------------------------------------------- reading

#[test]
fn what_comes_at_once_and_in_many_pieces() {
    let sent = bytes(100_000);
    for (piece, room) in [
        (100_000, 8192),
        (1000, 8192),
        (1000, 1000),
        (777, 64),
        (50_000, 1),
    ] {
        let (mut here, _, mut there) = connection();
        let received = std::thread::scope(|scope| {
            scope.spawn(|| {
                for piece in sent.chunks(piece) {
                    there.write_all(piece).unwrap();
                }
                there.shutdown(Shutdown::Write).unwrap();
            });
            smol::block_on(async {
                let (mut received, mut buffer) = (Vec::<u8>::new(), vec![0_u8; room]);
                loop {
                    match here.read(&mut buffer).await.unwrap() {
                        0 => return received,
                        length => received.extend(&buffer[..length]),
                    }
                }
            })
        });
        assert!(received == sent, "pieces of {piece}, room for {room}");
    }
}

#[test]
fn no_room_is_not_the_end() {
    let (mut here, socket, mut there) = connection();
    smol::block_on(async {
        assert_eq!(here.read(&mut []).await.unwrap(), 0); // and does not wait
        there.write_all(b"1234").unwrap();
        wait_until_there(&socket, 4);
        assert_eq!(here.read(&mut []).await.unwrap(), 0);
        let mut buffer = [0; 8];
        assert_eq!(here.read(&mut buffer).await.unwrap(), 4);
        assert_eq!(here.read(&mut []).await.unwrap(), 0);
        there.write_all(b"5678").unwrap();
        assert_eq!(here.read(&mut buffer).await.unwrap(), 4);
        assert_eq!(&buffer[..4], b"5678");
    });
}

// ------------------------------------------------------------------------------------- the end

#[test]
fn the_end_is_found_at_once_and_again_and_again() {
    // At once, with the last bytes or after them; they fill the room, or they do not.
    for (bytes, room, closed_before) in [
        (0, 8, true),
        (3, 3, true),
        (3, 8, true),
        (3, 3, false),
        (3, 8, false),
    ] {
        let (mut here, socket, mut there) = connection();
        there.write_all(&b"bye"[..bytes]).unwrap();
        let there = (!closed_before).then_some(there); // or dropped here
        if closed_before {
            std::thread::sleep(Duration::from_millis(20)); // so that both have come
        }
        smol::block_on(async {
            let mut buffer = vec![0; room];
            if bytes > 0 {
                wait_until_there(&socket, bytes);
                assert_eq!(here.read(&mut buffer).await.unwrap(), bytes);
            }
            if let Some(there) = there {
                assert!(poll_once(here.read(&mut buffer)).await.is_none());
                drop(there);
            }
            for _ in 0..3 {
                assert_eq!(here.read(&mut buffer).await.unwrap(), 0);
            }
        });
        // Without waiting.
        let poll = poll_read(&mut here, Waker::noop(), &mut [0; 8]);
        assert!(matches!(poll, Poll::Ready(Ok(0))), "{poll:?}");
    }
}

#[test]
fn a_connection_that_is_cut_off_is_an_error() {
    for wait_first in [false, true] {
        let (mut here, _, there) = connection();
        let error = smol::block_on(async {
            here.write_all(b"never read").await.unwrap();
            if wait_first {
                assert!(poll_once(here.read(&mut [0; 8])).await.is_none());
            }
            std::thread::sleep(Duration::from_millis(20)); // so that it has come
            drop(there); // what was not read makes it a reset
            here.read(&mut [0; 8]).await.unwrap_err()
        });
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
}

#[test]
fn one_end_closes_and_goes_on_reading() {
    let (mut here, _, mut there) = connection();
    smol::block_on(async {
        here.write_all(b"question").await.unwrap();
        here.close().await.unwrap();
        let mut question = String::new();
        there.read_to_string(&mut question).unwrap();
        assert_eq!(question, "question");
        there.write_all(b"answer").unwrap();
        drop(there);
        let mut answer = String::new();
        here.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "answer");
        let error = here.write(b"too late").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn the_other_end_closes_and_goes_on_reading() {
    let (mut here, _, mut there) = connection();
    there.shutdown(Shutdown::Write).unwrap();
    smol::block_on(async {
        assert_eq!(here.read(&mut [0; 8]).await.unwrap(), 0);
        here.write_all(b"answer").await.unwrap();
        here.flush().await.unwrap();
    });
    drop(here);
    let mut answer = String::new();
    there.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "answer");
}

// ------------------------------------------------------------------------------------- waiting

/// That it is not read cannot be seen. That something is not found though it is there can: the system is asked
/// only then, and tells the loop later.
#[test]
fn an_empty_socket_is_left_alone() {
    let (mut here, socket, mut there) = connection();
    let _between_threads: &(dyn Send + Sync) = &here;
    let mut buffer = [0; 8];
    // Found less than there was room for.
    there.write_all(b"123").unwrap();
    wait_until_there(&socket, 3);
    assert_read(poll_read(&mut here, Waker::noop(), &mut buffer), 3);
    there.write_all(b"456").unwrap();
    wait_until_there(&socket, 3);
    assert_pending(poll_read(&mut here, Waker::noop(), &mut buffer));
    // The loop finds it.
    assert_eq!(smol::block_on(here.read(&mut buffer)).unwrap(), 3);
    assert_eq!(&buffer[..3], b"456");
}

#[test]
fn so_is_one_in_which_nothing_was() {
    let (mut here, socket, _there) = connection();
    for _ in 0..2 {
        assert_pending(poll_read(&mut here, Waker::noop(), &mut [0; 8]));
        socket.set_nonblocking(false).unwrap();
        // It would block here for ever.
        assert_pending(poll_read(&mut here, Waker::noop(), &mut [0; 8]));
        socket.set_nonblocking(true).unwrap();
    }
}

#[test]
fn what_fills_the_room_is_no_sign_of_an_empty_one() {
    let (mut here, socket, mut there) = connection();
    there.write_all(b"12345678").unwrap();
    wait_until_there(&socket, 8);
    for _ in 0..2 {
        let poll = poll_read(&mut here, Waker::noop(), &mut [0; 4]);
        assert!(matches!(poll, Poll::Ready(Ok(4))), "{poll:?}");
    }
}

#[test]
fn who_polls_again_and_again_is_not_woken_as_often_and_the_last_one_is() {
    let (mut here, _, mut there) = connection();
    for round in 0..3 {
        assert_pending(poll_read(&mut here, Waker::noop(), &mut [0; 8]));
        let (wakes, waker) = Wakes::waker();
        for _ in 0..5 {
            assert_pending(poll_read(&mut here, &waker, &mut [0; 8]));
        }
        assert_eq!(wakes.count(), 0, "round {round}");
        there.write_all(b"hello").unwrap();
        assert_eq!(read_when_woken(&mut here, &wakes, &waker), 5);
        assert!(wakes.count() <= 2, "round {round}");
    }
}

/// Another reader has taken what the reactor has reported.
#[test]
fn a_false_alarm_is_waited_out() {
    let (mut here, socket, mut there) = connection();
    let (wakes, waker) = Wakes::waker();
    assert_pending(poll_read(&mut here, &waker, &mut [0; 8]));
    there.write_all(b"gone").unwrap();
    wakes.wait(0);
    assert_eq!((&socket).read(&mut [0; 8]).unwrap(), 4);
    assert_pending(poll_read(&mut here, &waker, &mut [0; 8]));
    there.write_all(b"here").unwrap();
    let mut buffer = [0; 8];
    assert_eq!(smol::block_on(here.read(&mut buffer)).unwrap(), 4);
    assert_eq!(&buffer[..4], b"here");
}

// ------------------------------------------------------------------------------------- writing

#[test]
fn a_full_socket_is_left_alone_and_written_to_when_there_is_room() {
    let (mut here, socket, mut there) = connection();
    let block = bytes(1 << 20);
    let mut written = 0;
    let mut write = |stream: &mut TcpStream, waker: &Waker| {
        let start = written % block.len();
        let poll = Pin::new(stream).poll_write(&mut Context::from_waker(waker), &block[start..]);
        poll.map(|length| written += length.unwrap())
    };
    // Until the system takes no more from here to there, either.
    let (wakes, waker) = loop {
        let (wakes, waker) = Wakes::waker();
        while write(&mut here, &waker).is_ready() {}
        smol::block_on(Timer::after(Duration::from_millis(50)));
        if wakes.count() == 0 {
            break (wakes, waker);
        }
    };
    socket.set_nonblocking(false).unwrap();
    // It would block here for ever.
    assert!(write(&mut here, &waker).is_pending());
    socket.set_nonblocking(true).unwrap();
    let mut taken = vec![0; 1 << 20];
    while wakes.count() == 0 {
        there.read_exact(&mut taken).unwrap();
        assert!(taken == block);
        smol::block_on(Timer::after(Duration::from_millis(1)));
    }
    if write(&mut here, &waker).is_pending() {
        wakes.wait(1);
        assert!(write(&mut here, &waker).is_ready());
    }
}

#[test]
fn much_in_both_directions_at_once() {
    const LENGTH: usize = 20 << 20;
    let (here, _, there) = connection();
    let there = TcpStream::new(Async::new(there).unwrap());
    let (up, down) = (bytes(LENGTH), bytes(LENGTH + 1));
    let one_end = async |stream: TcpStream, sent: &[u8]| {
        let (mut reader, mut writer) = split(stream);
        let write = async {
            writer.write_all(sent).await.unwrap();
            writer.close().await.unwrap();
        };
        let mut received = Vec::new();
        let read = async { reader.read_to_end(&mut received).await.unwrap() };
        zip(write, read).await;
        received
    };
    let (at_here, at_there) = smol::block_on(zip(one_end(here, &up), one_end(there, &down)));
    assert!(at_here == down && at_there == up);
}
