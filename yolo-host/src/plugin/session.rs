//! Which graph is being built by whom. A plugin holds a token, never an address: whatever it passes, from whatever thread
//! and however late, reaches the graph of a running `build` on its own thread, or nothing.
#![allow(unsafe_code)] // the open builder is reached through a pointer kept beside its token

use crate::graph::{BuildError, GraphBuilder};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::without_provenance_mut;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use yolo_plugin::abi::Graph;

thread_local! {
    /// The graph that a plugin on this thread may call; taken out while the host works on it.
    static OPEN: Cell<Option<(usize, *mut GraphBuilder)>> = const { Cell::new(None) };
    /// Whether a plugin on this thread called with a graph that nobody builds.
    static ASTRAY: Cell<bool> = const { Cell::new(false) };
}

/// Every token whose `build` runs, and whether it was used where it may not be.
static STRAYED: Mutex<BTreeMap<usize, bool>> = Mutex::new(BTreeMap::new());
static NEXT: AtomicUsize = AtomicUsize::new(1);

fn strayed() -> MutexGuard<'static, BTreeMap<usize, bool>> {
    STRAYED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets `build` call the table for this graph, and closes it again; `build` must not unwind.
pub fn open<T>(builder: &mut GraphBuilder, build: impl FnOnce(*mut Graph) -> T) -> T {
    let token = NEXT.fetch_add(1, Ordering::Relaxed);
    strayed().insert(token, false);
    let outer = OPEN.replace(Some((token, std::ptr::from_mut(builder))));
    let (result, astray) = watched(|| build(without_provenance_mut(token)));
    OPEN.set(outer);
    let what = match strayed().remove(&token) {
        Some(true) => "from another thread, or from within a custom operation",
        _ if astray => "with a graph other than the one that is being built",
        _ => return result,
    };
    // It comes before what followed from the failed call.
    builder.take_error();
    builder.fail(BuildError::Misuse(format!("the host was called {what}")));
    result
}

/// What `body` returns, and whether it called the host with a graph that nobody builds.
pub fn watched<T>(body: impl FnOnce() -> T) -> (T, bool) {
    let outer = ASTRAY.replace(false);
    let result = body();
    (result, ASTRAY.replace(outer))
}

/// Runs `body` on the open graph of this token, if there is one and no error is waiting; an error or panic in it sticks.
pub fn guarded<T>(
    graph: *mut Graph,
    otherwise: T,
    body: impl FnOnce(&mut GraphBuilder) -> Result<T, BuildError>,
) -> T {
    let result = with_open(graph, |builder| {
        if builder.failed() {
            return None;
        }
        match catch_unwind(AssertUnwindSafe(|| body(builder))) {
            Ok(Ok(value)) => return Some(value),
            Ok(Err(error)) => builder.fail(error),
            Err(_) => builder.fail(BuildError::Misuse("a call panicked in the host".into())),
        }
        None
    });
    result.flatten().unwrap_or(otherwise)
}

/// Runs `look` on the open graph of this token even if an error is waiting, for calls that report it. It must not panic.
pub fn with_open<T>(graph: *mut Graph, look: impl FnOnce(&mut GraphBuilder) -> T) -> Option<T> {
    let open = OPEN.take();
    let result = match open {
        // SAFETY: the pointer is the exclusive borrow of `open`, which waits for the plugin to return, on this thread; and
        // it is taken out of OPEN, so that nothing else reaches it meanwhile.
        Some((token, builder)) if token == graph.addr() => Some(look(unsafe { &mut *builder })),
        _ => {
            match strayed().get_mut(&graph.addr()) {
                Some(strayed) => *strayed = true,
                None => ASTRAY.set(true),
            }
            None
        }
    };
    OPEN.set(open);
    result
}
