// The detector as WebAssembly beside onnxruntime-web's, in turn, on one thread of Node: medians in ms, and their ratio.
//
//     npm install onnxruntime-web                          # into any folder
//     node tests/benches/web.mjs FOLDER yolo_wasm.wasm WEIGHTS.safetensors EXPORTED.onnx [ROUNDS]      # - for no FOLDER
//
// Ours is the whole call for 640×640 pixels: letterbox, network, decoding and suppression. Theirs is the network alone.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const [folder, module, weights, onnx, rounds = "15"] = process.argv.slice(2);
const SIDE = 640;

const { exports: wasm } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(module)), {});
wasm._initialize();

function put(bytes) {
    const at = wasm.yolo_alloc(bytes.length);
    new Uint8Array(wasm.memory.buffer, at, bytes.length).set(bytes);
    return [at, bytes.length];
}

function answer() {
    const bytes = new Uint8Array(wasm.memory.buffer, wasm.yolo_answer(), wasm.yolo_answer_len());
    return JSON.parse(new TextDecoder().decode(bytes));
}

function must(done) {
    if (!done) throw new Error(answer().error);
}

must(wasm.yolo_load(...put(readFileSync(weights)), ...put(new TextEncoder().encode(weights))));
// Numbers without a pattern, from 0 to 255.
let seed = 1;
const pixels = Uint8Array.from({ length: 4 * SIDE * SIDE }, () => (seed = (seed * 16807) % 2147483647) & 255);
const place = put(pixels);

let ours = () => must(wasm.yolo_detect(...place, SIDE, SIDE, SIDE, 0.25, 0.45));
let theirs = null;
if (folder !== "-") {
    const ort = createRequire(path.resolve(folder, "package.json"))("onnxruntime-web");
    ort.env.wasm.numThreads = 1;
    const session = await ort.InferenceSession.create(readFileSync(onnx), {
        executionProviders: ["wasm"],
        graphOptimizationLevel: "all",
    });
    const planes = new Float32Array(3 * SIDE * SIDE);
    for (let i = 0; i < SIDE * SIDE; i++) for (let c = 0; c < 3; c++) planes[c * SIDE * SIDE + i] = pixels[4 * i + c] / 255;
    const input = { [session.inputNames[0]]: new ort.Tensor("float32", planes, [1, 3, SIDE, SIDE]) };
    theirs = () => session.run(input);
}

const times = [[], []];
for (let round = -3; round < Number(rounds); round++) {
    for (const [which, run] of [ours, theirs].entries()) {
        if (run === null) continue;
        const begin = performance.now();
        await run();
        if (round >= 0) times[which].push(performance.now() - begin);
    }
}
const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];
const shown = (list) => `${median(list).toFixed(1)} ms (fastest ${Math.min(...list).toFixed(1)})`;
const name = path.basename(weights, ".safetensors");
const [mine, other] = times;
const beside = () => `; onnxruntime-web ${shown(other)}; ratio ${(median(mine) / median(other)).toFixed(2)}`;
console.log(`${name}: ${shown(mine)}${theirs === null ? "" : beside()}`);
