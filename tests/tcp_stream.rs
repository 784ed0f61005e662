//! `tcp_stream`: all bytes arrive, the end is found, no task hangs, and an empty socket is not read.

#[path = "common/wakes.rs"]
mod wakes;
#[path = "common/watchdog.rs"]
mod watchdog;

use asyncio_to_smol::tcp_stream::TcpStream;
use smol::future::{poll_once, zip};
use smol::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use smol::{Async, Timer};
use std::io::{ErrorKind, Read, Write};
use std::net::{self, Shutdown, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread::{self, sleep};
use std::time::Duration;
use wakes::Wakes;
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

fn poll_read(stream: &mut TcpStream, waker: &Waker, room: usize) -> Option<usize> {
    let mut buffer = vec![0; room];
    match Pin::new(stream).poll_read(&mut Context::from_waker(waker), &mut buffer) {
        Poll::Ready(length) => Some(length.unwrap()),
        Poll::Pending => None,
    }
}

/// Sends this, and waits until it can be read, without the reactor.
fn send(there: &mut net::TcpStream, text: &str, socket: &net::TcpStream) {
    there.write_all(text.as_bytes()).unwrap();
    let mut buffer = vec![0; text.len()];
    while !text.is_empty() && socket.peek(&mut buffer).ok() != Some(text.len()) {
        sleep(Duration::from_millis(1));
    }
}

fn read(stream: &mut TcpStream) -> String {
    let mut buffer = [0; 100];
    let length = smol::block_on(stream.read(&mut buffer)).unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

fn bytes(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(length as u64);
    (0..length).map(|_| random.u8(..)).collect()
}

/// Lets the reactor run until the waker has been woken more often than this.
fn wait(wakes: &Wakes, before: usize) {
    while wakes.count() == before {
        smol::block_on(Timer::after(Duration::from_millis(1)));
    }
}

#[test]
fn all_bytes_arrive_in_pieces_of_any_size() {
    let sent = bytes(100_000);
    for (piece, room) in [(100_000, 8192), (1000, 1000), (777, 64), (50_000, 1)] {
        let (mut here, _, mut there) = connection();
        let received = thread::scope(|scope| {
            scope.spawn(|| {
                for piece in sent.chunks(piece) {
                    there.write_all(piece).unwrap();
                }
                there.shutdown(Shutdown::Write).unwrap();
            });
            let (mut received, mut buffer) = (Vec::<u8>::new(), vec![0; room]);
            while let length @ 1.. = smol::block_on(here.read(&mut buffer)).unwrap() {
                received.extend(&buffer[..length]);
            }
            received
        });
        assert!(received == sent, "pieces of {piece}, room for {room}");
    }
}

#[test]
fn much_in_both_directions_at_once() {
    const LENGTH: usize = 10 << 20;
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

#[test]
fn no_room_is_not_the_end() {
    let (mut here, socket, mut there) = connection();
    assert_eq!(poll_read(&mut here, Waker::noop(), 0), Some(0));
    for text in ["1234", "5678"] {
        send(&mut there, text, &socket);
        assert_eq!(poll_read(&mut here, Waker::noop(), 0), Some(0));
        assert_eq!(read(&mut here), text);
        assert_eq!(poll_read(&mut here, Waker::noop(), 0), Some(0));
    }
}

#[test]
fn the_end_is_found_at_once_and_again_and_again() {
    // At once, with the last bytes or after them; they fill the room, or they do not.
    for (text, room) in [("", 8), ("bye", 3), ("bye", 8)] {
        for closed_before in [true, false] {
            let (mut here, socket, mut there) = connection();
            send(&mut there, text, &socket);
            let there = (!closed_before).then_some(there); // or dropped here
            sleep(Duration::from_millis(20)); // so that the end has come
            if !text.is_empty() {
                assert_eq!(poll_read(&mut here, Waker::noop(), room), Some(text.len()));
            }
            if let Some(there) = there {
                assert_eq!(poll_read(&mut here, Waker::noop(), room), None);
                drop(there);
            }
            for _ in 0..3 {
                assert_eq!(read(&mut here), "");
            }
            assert_eq!(poll_read(&mut here, Waker::noop(), 8), Some(0)); // without waiting
        }
    }
}

#[test]
fn a_connection_that_is_reset_is_an_error() {
    for wait_first in [false, true] {
        let (mut here, _, there) = connection();
        let error = smol::block_on(async {
            here.write_all(b"never read").await.unwrap();
            if wait_first {
                assert!(poll_once(here.read(&mut [0; 8])).await.is_none());
            }
            sleep(Duration::from_millis(20)); // so that it has come
            drop(there); // the bytes that were not read make it a reset
            here.read(&mut [0; 8]).await.unwrap_err()
        });
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
}

#[test]
fn an_end_that_has_been_closed_can_be_read_and_the_other_one_written() {
    let (mut here, _, there) = connection();
    let mut there = TcpStream::new(Async::new(there).unwrap());
    smol::block_on(async {
        here.write_all(b"question").await.unwrap();
        here.close().await.unwrap();
        let (mut question, mut answer) = (String::new(), String::new());
        there.read_to_string(&mut question).await.unwrap();
        there.write_all(b"answer").await.unwrap();
        drop(there);
        here.read_to_string(&mut answer).await.unwrap();
        assert_eq!((&*question, &*answer), ("question", "answer"));
        let error = here.write(b"too late").await.unwrap_err();
        assert!(cfg!(windows) || error.kind() == ErrorKind::BrokenPipe);
    });
}

#[test]
fn an_empty_socket_is_not_read() {
    for sent in ["", "123"] {
        let (mut here, socket, mut there) = connection();
        let _between_threads: &(dyn Send + Sync) = &here;
        send(&mut there, sent, &socket);
        let found = Some(sent.len()).filter(|length| *length > 0);
        assert_eq!(poll_read(&mut here, Waker::noop(), 9), found);
        socket.set_nonblocking(false).unwrap();
        for _ in 0..2 {
            // A read would block here forever.
            assert_eq!(poll_read(&mut here, Waker::noop(), 9), None);
        }
        socket.set_nonblocking(true).unwrap();
        there.write_all(b"456").unwrap();
        assert_eq!(read(&mut here), "456");
    }
}

#[test]
fn a_read_that_fills_the_buffer_leaves_more_to_read() {
    let (mut here, socket, mut there) = connection();
    send(&mut there, "12345678", &socket);
    assert_eq!(poll_read(&mut here, Waker::noop(), 4), Some(4));
    assert_eq!(poll_read(&mut here, Waker::noop(), 4), Some(4));
}

#[test]
fn polling_often_wakes_only_the_last_waker_and_not_as_often() {
    let (mut here, _, mut there) = connection();
    for round in 0..3 {
        assert_eq!(poll_read(&mut here, Waker::noop(), 8), None);
        let wakes = Arc::<Wakes>::default();
        let waker = Waker::from(Arc::clone(&wakes));
        for _ in 0..5 {
            assert_eq!(poll_read(&mut here, &waker, 8), None);
        }
        assert_eq!(wakes.count(), 0, "round {round}");
        there.write_all(b"hello").unwrap();
        // It may be woken once in vain: async-io ignores an event that came while it was polled.
        wait(&wakes, 0);
        let found = poll_read(&mut here, &waker, 8).or_else(|| {
            wait(&wakes, 1);
            poll_read(&mut here, &waker, 8)
        });
        assert_eq!(found, Some(5), "round {round}");
        assert!(wakes.count() <= 2, "round {round}");
    }
}

#[test]
fn bytes_that_another_reader_has_taken_are_no_end() {
    let (mut here, socket, mut there) = connection();
    let wakes = Arc::<Wakes>::default();
    let waker = Waker::from(Arc::clone(&wakes));
    assert_eq!(poll_read(&mut here, &waker, 8), None);
    there.write_all(b"gone").unwrap();
    wait(&wakes, 0);
    assert_eq!((&socket).read(&mut [0; 8]).unwrap(), 4);
    assert_eq!(poll_read(&mut here, &waker, 8), None);
    there.write_all(b"here").unwrap();
    assert_eq!(read(&mut here), "here");
}

#[test]
fn a_full_socket_is_written_only_when_there_is_room() {
    let (mut here, socket, mut there) = connection();
    let fill = || (&socket).write(&[0; 1 << 16]).is_ok();
    // Until the system takes no more from here to there, either.
    while fill() {
        while fill() {}
        sleep(Duration::from_millis(50));
    }
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut here).poll_write(cx, b"x").is_pending());
    socket.set_nonblocking(false).unwrap();
    // A write would block here forever.
    assert!(Pin::new(&mut here).poll_write(cx, b"x").is_pending());
    socket.set_nonblocking(true).unwrap();
    let reader = thread::spawn(move || there.read_to_end(&mut Vec::new()).unwrap());
    assert_eq!(smol::block_on(here.write(b"x")).unwrap(), 1);
    drop((here, socket));
    reader.join().unwrap();
}
