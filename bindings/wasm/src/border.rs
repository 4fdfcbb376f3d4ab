//! What a page calls: functions of numbers, where memory is an address and a length.
//!
//! A page puts bytes where [`yolo_alloc`] says, calls [`yolo_load`] or [`yolo_detect`] with their place, reads the answer, and gives
//! the memory back. An answer is JSON: what [`Session`] tells, or `{"error": text}`, for which the call returned `false`.
//!
//! Where there are threads, calls wait for each other, and an answer is the last call's.
#![allow(unsafe_code)] // memory that the caller names by address and length

use crate::session::{Options, Session};
use serde_json::{Value, json};
use std::alloc::Layout;
use std::sync::{Mutex, MutexGuard, PoisonError};

static SESSION: Mutex<Session> = Mutex::new(Session::new());
static ANSWER: Mutex<Vec<u8>> = Mutex::new(vec![]);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `work`, and keeps its answer; whether it is none of an error.
fn answer(work: impl FnOnce(&mut Session) -> Result<Value, String>) -> bool {
    let result = work(&mut locked(&SESSION));
    let done = result.is_ok();
    keep(&result.unwrap_or_else(|error| json!({ "error": error })));
    done
}

fn keep(answer: &Value) {
    *locked(&ANSWER) = answer.to_string().into_bytes();
}

/// Registers the linked blocks; to be called once, before all others, as hosts of WebAssembly do by this name. A call that traps
/// leaves the reason as its answer.
#[cfg(target_family = "wasm")]
#[unsafe(no_mangle)]
pub extern "C" fn _initialize() {
    unsafe extern "C" {
        fn __wasm_call_ctors();
    }
    static START: std::sync::Once = std::sync::Once::new();
    // SAFETY: the linker makes the function, which may run once.
    START.call_once(|| unsafe { __wasm_call_ctors() });
    std::panic::set_hook(Box::new(|why| keep(&json!({ "error": why.to_string() }))));
}

/// Memory for so many bytes; null if there is none left, or for none.
#[unsafe(no_mangle)]
pub extern "C" fn yolo_alloc(len: usize) -> *mut u8 {
    match layout(len) {
        // SAFETY: it has a size.
        Some(layout) => unsafe { std::alloc::alloc(layout) },
        None => std::ptr::null_mut(),
    }
}

/// Gives memory back.
///
/// # Safety
/// `from` is of [`yolo_alloc`] with this length, or null, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn yolo_free(from: *mut u8, len: usize) {
    if let Some(layout) = layout(len).filter(|_| !from.is_null()) {
        // SAFETY: promised by the caller.
        unsafe { std::alloc::dealloc(from, layout) }
    }
}

fn layout(len: usize) -> Option<Layout> {
    Layout::from_size_align(len, 16).ok().filter(|_| len > 0)
}

/// [`Session::load`] of a weights file and its name in UTF-8; `false` for an error.
///
/// # Safety
/// So many bytes can be read there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn yolo_load(
    weights: *const u8,
    weights_len: usize,
    name: *const u8,
    name_len: usize,
) -> bool {
    // SAFETY: promised by the caller.
    let (weights, name) = unsafe { (bytes(weights, weights_len), bytes(name, name_len)) };
    answer(|session| session.load(weights, &String::from_utf8_lossy(name)))
}

/// [`Session::detect`] in pixels of four bytes; `false` for an error.
///
/// # Safety
/// So many bytes can be read there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn yolo_detect(
    rgba: *const u8,
    rgba_len: usize,
    width: usize,
    height: usize,
    side: usize,
    confidence: f32,
    iou: f32,
) -> bool {
    // SAFETY: promised by the caller.
    let rgba = unsafe { bytes(rgba, rgba_len) };
    answer(|session| session.detect(rgba, width, height, Options { side, confidence, iou }))
}

/// Where the last call's answer is, until the next call.
#[unsafe(no_mangle)]
pub extern "C" fn yolo_answer() -> *const u8 {
    locked(&ANSWER).as_ptr()
}

/// Bytes of the last call's answer.
#[unsafe(no_mangle)]
pub extern "C" fn yolo_answer_len() -> usize {
    locked(&ANSWER).len()
}

/// # Safety
/// So many bytes can be read there for as long as the slice is used.
unsafe fn bytes<'a>(from: *const u8, len: usize) -> &'a [u8] {
    if from.is_null() || len == 0 {
        return &[];
    }
    // SAFETY: promised by the caller, and there is something.
    unsafe { std::slice::from_raw_parts(from, len) }
}
