//! Runs futures one poll at a time, so that whoever schedules decides what happens next.
//!
//! A future stops at the boundaries of ports, where it calls [`pause`]; what it waits for otherwise is another thread
//! (a database's writer), and that is waited for on the spot. So the order of everything is the scheduler's, whatever
//! threads there are.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

thread_local! {
    static PAUSED: Cell<bool> = const { Cell::new(false) };
}

/// Gives the scheduler its turn, once.
pub(crate) async fn pause() {
    let mut paused = false;
    poll_fn(|context| {
        if std::mem::replace(&mut paused, true) {
            return Poll::Ready(());
        }
        PAUSED.set(true);
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

struct Unpark {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// Polls until the future pauses or ends.
pub(crate) fn step<T>(mut future: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Poll<T> {
    let unpark = Arc::new(Unpark { thread: thread::current(), woken: AtomicBool::new(false) });
    let waker = Waker::from(Arc::clone(&unpark));
    loop {
        PAUSED.set(false);
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Poll::Ready(value);
        }
        if PAUSED.get() {
            return Poll::Pending;
        }
        while !unpark.woken.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}

/// Runs a future to its end, with nothing else happening meanwhile.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = step(future.as_mut()) {
            return value;
        }
    }
}
