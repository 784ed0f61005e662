//! Listeners called in order, once or until they are off; events as a stream; an error without a listener.
//!
//! Ports: none of the programs. It shows what replaces Node's `EventEmitter` and its message channels.
//!
//! ```text
//! $ cargo run --example event_emitter
//! first: hello Ada
//! once: hello Ada
//! last: hello Ada
//! emitted: Ok(true)
//! last: hello Bob
//! emitted: Ok(true)
//! once: bye Ada
//! emitted: Ok(true)
//! no listener: Ok(false)
//! no listener: Err("disk full")
//! the next hello: Ok("Ada")
//! one stream: ["Bob"]
//! the other: ["Ada", "Bob"]
//! ```
//!
//! Like Node's, `emit` calls the listeners in the order of adding before it returns. It works on a copy of the
//! list, so a listener may add and remove others. Node throws an `error` that has no listener; here it is an
//! `Err`, and the compiler warns if it is unused. `off` takes what `on` returned, since closures cannot be
//! compared.
//!
//! A stream is a channel with a listener that sends. Every stream gets every event after its creation, and buffers
//! without bound, as `events.on` does. Because `emit` cannot wait, a bounded channel has to lose something:
//! `force_send` replaces the oldest. The streams end when the emitter is dropped; the listener of a dropped stream
//! is removed at the next event. `events.once` is the first event of a stream, created before the event; unlike
//! Node's it does not fail with the next `error`: listen to that, too, with `future::or`.
//!
//! All of this is for callers that want names and callbacks. Between one sender and one receiver a channel of an
//! `enum` is shorter, and the compiler knows all the events: an error is a variant. `BroadcastChannel` is a list
//! of senders, as here, or the crate async-broadcast, whose sender can wait for the slowest receiver.
//! `MessageChannel` is two channels, one for each direction; all of them go to other threads, too. The emitter
//! does not.
//!
//! Who owns what: the emitter owns its listeners, and with them the senders. A listener that holds an `Rc` of its
//! emitter makes a cycle that is never freed: give it a `Weak`.
//!
//! Node: `EventEmitter` (a list of closures), `emitter.on` (add a closure to the
//! list), `emitter.once` (an `FnOnce`), `emitter.off` (remove what `on` returned), `emitter.emit` (call each),
//! `events.once` (`smol::channel::Receiver::recv`), `events.on`
//! (`smol::channel::Receiver`, a stream), `BroadcastChannel` (the crate async-broadcast),
//! `MessageChannel` (two of `smol::channel`).
//! Paste: `cargo add smol`.

use smol::channel::{self, Receiver};
use smol::{block_on, stream::StreamExt};
use std::{cell::Cell, cell::RefCell, rc::Rc};

/// Returns whether it stays.
type Listener<T> = Rc<dyn Fn(&T) -> bool>;

/// The listeners, each with its event, in the order of adding.
struct Emitter<T>(RefCell<Vec<(&'static str, Listener<T>)>>);

impl<T: Clone + 'static> Emitter<T> {
    fn add(&self, event: &'static str, call: impl Fn(&T) -> bool + 'static) -> Listener<T> {
        let listener: Listener<T> = Rc::new(call);
        self.0.borrow_mut().push((event, Rc::clone(&listener)));
        listener
    }

    fn on(&self, event: &'static str, call: impl Fn(&T) + 'static) -> Listener<T> {
        self.add(event, move |value| {
            call(value);
            true
        })
    }

    fn once(&self, event: &'static str, call: impl FnOnce(&T) + 'static) -> Listener<T> {
        let call = Cell::new(Some(call));
        self.add(event, move |value| {
            if let Some(call) = call.take() {
                call(value); // taken out before it runs, as it may emit the event itself
            }
            false
        })
    }

    fn off(&self, listener: &Listener<T>) {
        self.0
            .borrow_mut()
            .retain(|(_, it)| !Rc::ptr_eq(it, listener));
    }

    /// Returns whether there was a listener. An error without one is an `Err`.
    fn emit<'a>(&self, event: &str, value: &'a T) -> Result<bool, &'a T> {
        let mut listeners = self.0.borrow().clone(); // they may add and remove listeners
        listeners.retain(|(name, _)| *name == event);
        for (_, listener) in &listeners {
            if !listener(value) {
                self.off(listener);
            }
        }
        match listeners.is_empty() {
            true if event == "error" => Err(value),
            is_empty => Ok(!is_empty),
        }
    }

    /// The events from now on, in an unbounded buffer.
    fn stream(&self, event: &'static str) -> Receiver<T> {
        let (sender, receiver) = channel::unbounded();
        self.add(event, move |value| sender.try_send(value.clone()).is_ok());
        receiver
    }
}

// ANCHOR: excerpt
async fn async_main() {
    let emitter = Emitter(RefCell::default());
    let first = emitter.on("hello", |name| println!("first: hello {name}"));
    emitter.once("hello", |name| println!("once: hello {name}"));
    emitter.on("hello", |name| println!("last: hello {name}"));
    let (one, two) = (emitter.stream("hello"), emitter.stream("hello"));
    println!("emitted: {:?}", emitter.emit("hello", &"Ada"));
    emitter.off(&first);
    println!("emitted: {:?}", emitter.emit("hello", &"Bob"));
    emitter.once("bye", |name| println!("once: bye {name}"));
    println!("emitted: {:?}", emitter.emit("bye", &"Ada"));
    println!("no listener: {:?}", emitter.emit("bye", &"Bob"));
    println!("no listener: {:?}", emitter.emit("error", &"disk full"));

    println!("the next hello: {:?}", one.recv().await);
    drop(emitter); // and with it the senders, which ends the streams
    println!("one stream: {:?}", one.collect::<Vec<_>>().await);
    println!("the other: {:?}", two.collect::<Vec<_>>().await);
}
// ANCHOR_END: excerpt

fn main() {
    block_on(async_main());
}
