// The detector in a thread of its own, so that the page stays responsive: loads the WebAssembly module, and answers messages.
//
// A question is { id, kind, … }, its answer { id, result } or { id, error }. Kinds are `start`, `load` with { bytes, name }, and
// `detect` with { bitmap, side, confidence, iou }. Nothing here knows of the page; another page can use this file as it is.
"use strict";

/** Compiled once. */
let module = null;
/** The functions of bindings/wasm/src/border.rs, with their memory. */
let wasm = null;
/** The weights in use, for when the module has to be started anew. */
let weights = null;

/** A module of one function with vector instructions: valid only where there are such. */
const SIMD = new Uint8Array([
    0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
]);

/** More pixels than any camera's photograph, and few enough for the module's memory. */
const MAX_PIXELS = 120e6;

async function start() {
    if (typeof WebAssembly !== "object") {
        throw new Error("This browser has no WebAssembly. Chrome 91, Firefox 89, Safari 16.4 and later ones have it.");
    }
    if (!WebAssembly.validate(SIMD)) {
        throw new Error(
            "This browser has no vector instructions for WebAssembly (SIMD), which the detector is made of. " +
            "Chrome 91, Firefox 89, Safari 16.4 and later ones have them.",
        );
    }
    const response = await fetch("yolo_wasm.wasm");
    if (!response.ok) {
        throw new Error(`yolo_wasm.wasm cannot be fetched: the server says ${response.status} ${response.statusText}`);
    }
    module = await WebAssembly.compile(await response.arrayBuffer());
    instantiate();
}

function instantiate() {
    wasm = new WebAssembly.Instance(module, {}).exports;
    wasm._initialize();
}

/** Calls `work(address, length)` with a copy of some bytes in the module's memory; what it answers. */
function call(bytes, work) {
    const length = Math.max(bytes.length, 1);
    const address = wasm.yolo_alloc(length) >>> 0;
    if (address === 0) {
        throw new Error(`there is no memory left for ${bytes.length} bytes`);
    }
    try {
        // Memory can move when it grows: views of it are made anew for each use.
        new Uint8Array(wasm.memory.buffer, address, bytes.length).set(bytes);
        work(address, bytes.length);
        const result = answer();
        if (result.error !== undefined) {
            throw new Error(result.error);
        }
        return result;
    } finally {
        wasm.yolo_free(address, length);
    }
}

/** What the last call told. */
function answer() {
    const bytes = new Uint8Array(wasm.memory.buffer, wasm.yolo_answer() >>> 0, wasm.yolo_answer_len());
    return JSON.parse(new TextDecoder().decode(bytes));
}

/** Weights as they are in a file. */
function load({ bytes, name }) {
    const file = new Uint8Array(bytes);
    const result = call(file, (address, length) => {
        const text = new TextEncoder().encode(name);
        const place = wasm.yolo_alloc(Math.max(text.length, 1));
        new Uint8Array(wasm.memory.buffer, place, text.length).set(text);
        wasm.yolo_load(address, length, place, text.length);
        wasm.yolo_free(place, Math.max(text.length, 1));
    });
    weights = { bytes, name };
    return result;
}

/** Objects in a picture, and how long it took in milliseconds. */
function detect({ bitmap, side, confidence, iou }) {
    const { width, height } = bitmap;
    if (width * height > MAX_PIXELS) {
        bitmap.close();
        throw new Error(`a picture of ${width} × ${height} pixels is too large here`);
    }
    const canvas = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    canvas.drawImage(bitmap, 0, 0);
    bitmap.close();
    const pixels = canvas.getImageData(0, 0, width, height).data;
    const begin = performance.now();
    const result = call(pixels, (address, length) => {
        wasm.yolo_detect(address, length, width, height, side, confidence, iou);
    });
    return { ...result, width, height, milliseconds: performance.now() - begin };
}

/** After a trap nothing in the module's memory can be trusted: it begins anew, with the same weights. */
function restart() {
    instantiate();
    if (weights !== null) {
        load(weights);
    }
}

const kinds = { start, load, detect };

onmessage = async ({ data: { id, kind, ...question } }) => {
    try {
        postMessage({ id, result: await kinds[kind](question) });
    } catch (error) {
        let message = error.message;
        if (error.name === "RuntimeError") {
            message = `the detector stopped (${message}), perhaps for want of memory; it was started anew`;
            try {
                restart();
            } catch (second) {
                message = `the detector stopped, and does not start anew: ${second.message}; load the page again`;
            }
        }
        postMessage({ id, error: message });
    }
};
