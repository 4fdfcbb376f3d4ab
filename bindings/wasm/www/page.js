// The page: what to look at, with which weights, and what was found. The detector itself is in worker.js.
//
// `list.json` beside it names what the server has: { "weights": [{ "file", "title" }], "photos": [{ "file", "title" }] }.
"use strict";

const at = (id) => document.getElementById(id);
const canvas = at("canvas");
const settings = ["confidence", "iou", "side"];

// Questions to the detector, and the promises that wait for its answers.

const worker = new Worker("worker.js");
const waiting = new Map();
let questions = 0;

function ask(kind, question = {}, transfer = []) {
    return new Promise((resolve, reject) => {
        waiting.set(++questions, { resolve, reject });
        worker.postMessage({ id: questions, kind, ...question }, transfer);
    });
}

worker.onmessage = ({ data: { id, result, error } }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(result); else reject(new Error(error));
};
worker.onerror = (event) => trouble(`worker.js does not run: ${event.message ?? "it cannot be fetched"}`);

// What is shown.

/** What the detector does; tests read it as well. */
function state(name, note) {
    document.body.dataset.state = name;
    at("note").textContent = note;
}

/** A message that stays until something succeeds. */
function trouble(message) {
    at("trouble").textContent = message;
    at("trouble").hidden = false;
    document.body.dataset.state = "trouble";
    at("note").textContent = "";
}

/** Hues far apart for classes that follow each other. */
const colour = (class_) => `hsl(${(class_ * 137.5 + 210) % 360} 75% 36%)`;

/** A frame without boxes. */
function show(bitmap) {
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    canvas.hidden = false;
    at("hint").hidden = true;
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
}

function draw(detections, names) {
    const context = canvas.getContext("2d");
    // As large on the screen, whatever the photograph's size.
    const unit = Math.max(canvas.width, canvas.height) / 1000;
    context.lineWidth = Math.max(1, 3 * unit);
    context.lineJoin = "round";
    context.font = `600 ${Math.max(9, 17 * unit)}px system-ui, sans-serif`;
    context.textBaseline = "middle";
    const height = Math.max(12, 25 * unit);
    for (const { rect: [left, top, right, bottom], class: class_ } of detections) {
        context.strokeStyle = colour(class_);
        context.strokeRect(left, top, right - left, bottom - top);
    }
    // Above all boxes, and the best above the others.
    for (const { rect: [left, top], confidence, class: class_ } of [...detections].reverse()) {
        const text = `${names[class_]} ${confidence.toFixed(2)}`;
        const width = context.measureText(text).width + 0.6 * height;
        const x = Math.max(0, Math.min(left, canvas.width - width));
        const y = top >= height ? top - height : Math.max(0, top);
        context.fillStyle = colour(class_);
        context.fillRect(x - context.lineWidth / 2, y, width, height);
        context.fillStyle = "white";
        context.fillText(text, x + 0.3 * height, y + 0.54 * height);
    }
}

function tell({ detections, network: [height, width], milliseconds }, names) {
    at("time").textContent = `${milliseconds.toFixed(milliseconds < 100 ? 1 : 0)} ms`;
    const count = detections.length;
    const objects = count === 0 ? "Nothing found" : count === 1 ? "One object" : `${count} objects`;
    at("found").replaceChildren(...detections.map(({ rect, confidence, class: class_ }) => {
        const row = document.createElement("tr");
        Object.assign(row.dataset, { rect: rect.join(" "), confidence, class: class_ });
        const mark = document.createElement("i");
        mark.style.background = colour(class_);
        row.insertCell().append(mark, names[class_]);
        row.insertCell().textContent = confidence.toFixed(2);
        return row;
    }));
    at("trouble").hidden = true;
    state("found", `${objects}; the network saw ${width} × ${height} pixels.`);
}

// What is looked at: a photograph, or a webcam's frames one after another.

let weights = null;
let photo = null;
let video = null;
let busy = false;
let again = false;

/** Looks at the photograph or at the next frame, once the detector is free. */
async function look() {
    if (weights === null || (photo === null && video === null)) return;
    if (busy) {
        again = true;
        return;
    }
    busy = true;
    again = false;
    document.body.dataset.state = "looking";
    try {
        // The page keeps a copy: when the answer comes, photograph and weights may be others.
        const bitmap = await createImageBitmap(video ?? photo);
        const frame = await createImageBitmap(bitmap);
        const { names } = weights;
        const [confidence, iou, side] = settings.map((name) => Number(at(name).value));
        const result = await ask("detect", { bitmap, side, confidence, iou }, [bitmap]);
        show(frame);
        frame.close();
        draw(result.detections, names);
        tell(result, names);
    } catch (error) {
        stop();
        trouble(error.message);
    }
    busy = false;
    if (video !== null) requestAnimationFrame(look); else if (again) look();
}

async function lookAt(blob, name) {
    let bitmap;
    try {
        // As the file has them: no colours changed, no alpha multiplied in.
        bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
    } catch {
        return trouble(`${name} is no picture that this browser can decode.`);
    }
    stop();
    photo?.close();
    photo = bitmap;
    show(photo);
    look();
}

/** Ends the webcam. */
function stop() {
    video?.srcObject.getTracks().forEach((track) => track.stop());
    video = null;
    at("webcam").textContent = "Webcam";
}

const cameras = {
    NotAllowedError: "The webcam may not be used: allow it for this page.",
    NotFoundError: "There is no webcam.",
    NotReadableError: "The webcam cannot be read: perhaps another program uses it.",
};

async function webcam() {
    if (video !== null) return stop();
    if (navigator.mediaDevices === undefined) {
        return trouble("Browsers give the webcam only to pages from https:// or from localhost.");
    }
    try {
        const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
        const player = Object.assign(document.createElement("video"), { srcObject: stream, muted: true, playsInline: true });
        await player.play();
        video = player;
        at("webcam").textContent = "Stop";
        look();
    } catch (error) {
        trouble(cameras[error.name] ?? `The webcam cannot be used: ${error.message}`);
    }
}

// Weights.

async function use(bytes, name) {
    state("loading", `Reading ${name} …`);
    try {
        weights = await ask("load", { bytes, name });
    } catch (error) {
        return trouble(error.message);
    }
    at("trouble").hidden = true;
    const { names, licence, notes, side } = weights;
    const some = names.slice(0, 8).join(", ") + (names.length > 8 ? " and others" : "");
    const classes = names.length === 1 ? `one class, ${some}` : `${names.length} classes: ${some}`;
    at("about").textContent = [`${name}: ${classes}.`, licence ? `Licence: ${licence}.` : "", ...notes].join(" ").trim();
    at("side").value = side;
    labels();
    state("ready", "Ready.");
    look();
}

async function fetched(file) {
    const response = await fetch(file).catch((error) => {
        throw new Error(`${file} cannot be fetched: ${error.message}`);
    });
    if (!response.ok) throw new Error(`${file} cannot be fetched: the server says ${response.status} ${response.statusText}`);
    return response;
}

async function useFetched(file) {
    state("loading", `Fetching ${file} …`);
    try {
        await use(await (await fetched(file)).arrayBuffer(), file);
    } catch (error) {
        trouble(error.message);
    }
}

async function lookAtFetched(file) {
    try {
        await lookAt(await (await fetched(file)).blob(), file);
    } catch (error) {
        trouble(error.message);
    }
}

/** Weights that are chosen or dropped; what they are is told from their bytes. */
async function useFile(file) {
    at("weights").value = "";
    try {
        await use(await file.arrayBuffer(), file.name);
    } catch (error) {
        trouble(`${file.name} cannot be read: ${error.message}`);
    }
}

// The page's parts.

function labels() {
    for (const name of settings) {
        const value = Number(at(name).value);
        document.querySelector(`output[for=${name}]`).textContent = name === "side" ? `${value} pixels` : value.toFixed(2);
    }
}

for (const name of settings) {
    at(name).oninput = () => { labels(); look(); };
}
for (const [name, take] of [["photo", (file) => lookAt(file, file.name)], ["own", useFile]]) {
    at(name).onchange = async ({ target }) => {
        if (target.files.length > 0) await take(target.files[0]);
        target.value = ""; // the same file may be chosen again
    };
}
at("webcam").onclick = webcam;
at("weights").onchange = ({ target }) => useFetched(target.value);
document.ondragover = (event) => { event.preventDefault(); at("stage").classList.add("over"); };
document.ondragleave = () => at("stage").classList.remove("over");
document.ondrop = (event) => {
    event.preventDefault();
    at("stage").classList.remove("over");
    const [file] = event.dataTransfer.files;
    if (file !== undefined) (file.type.startsWith("image/") ? lookAt(file, file.name) : useFile(file));
};

async function begin() {
    labels();
    const list = await (await fetched("list.json")).json();
    at("weights").append(...list.weights.map(({ file, title }) => new Option(title, file)));
    at("examples").append(...list.photos.map(({ file, title }) => {
        const button = Object.assign(document.createElement("button"), { type: "button", textContent: title });
        button.onclick = () => lookAtFetched(file);
        return button;
    }));
    await ask("start");
    if (list.photos.length > 0) await lookAtFetched(list.photos[0].file);
    if (list.weights.length > 0) await useFetched(list.weights[0].file); else state("ready", "Choose weights.");
}

begin().catch((error) => trouble(error.message));
