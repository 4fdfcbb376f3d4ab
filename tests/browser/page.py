"""The page of bindings/wasm in Chromium: finds what the program finds, and says what is wrong.

    python3 tests/browser/page.py DIST YOLO CHROMIUM [FOLDER]

DIST is what bindings/wasm/build makes, YOLO the program, FOLDER takes pictures of the page.
"""

import functools
import http.server
import json
import pathlib
import subprocess
import sys
import tempfile
import threading

from chromium import Page

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHOWN = "document.body?.dataset.state"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def serve(folder):
    """Any static server will do."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/index.html"


def native(yolo, photo, weights, *options):
    """What the program finds."""
    command = [yolo, "detect", "--json", "--nosave", "--source", photo, "--weights", weights, *options]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return [(one["box"], one["confidence"], one["name"]) for one in json.loads(done.stdout)["detections"]]


def on_page(page):
    """What the page's table says."""
    rows = page.run("""[...document.querySelectorAll("#found tr")].map((row) =>
        [row.dataset.rect.split(" ").map(Number), Number(row.dataset.confidence), row.cells[0].textContent])""")
    return [tuple(row) for row in rows]


def same(page, expected, what):
    """Boxes to a pixel and scores to 0.01, in the same order."""
    given = on_page(page)
    fits = len(given) == len(expected) and all(
        name == wanted and abs(score - wish) <= 0.01 and max(abs(a - b) for a, b in zip(box, place)) <= 1
        for (box, score, name), (place, wish, wanted) in zip(given, expected))
    assert fits, f"{what}: the page has {given[:5]} and more, {len(given)} in all, the program {expected[:5]}, {len(expected)}"
    exact = sum(box == place for (box, _, _), (place, _, _) in zip(given, expected))
    score = max((abs(a[1] - b[1]) for a, b in zip(given, expected)), default=0)
    print(f"{what}: {len(given)} objects as the program's, {exact} boxes equal, scores within {score:.1e};",
          page.run('document.getElementById("time").textContent'))


def trouble(page, part, what):
    page.wait(f'{SHOWN} === "trouble"')
    text = page.run('document.getElementById("trouble").textContent')
    assert part in text, f"{what}: the page says {text!r}, not {part!r}"
    print(f"{what}: {text}")


def slide(page, name, value):
    page.run(f"""{{ const slider = document.getElementById("{name}"); slider.value = {value};
        document.body.dataset.state = "looking"; slider.oninput(); 0 }}""")
    page.wait(f'{SHOWN} === "found"')


def select(page, file):
    page.run(f"""{{ const list = document.getElementById("weights"); document.body.dataset.state = "asked";
        list.value = "{file}"; list.onchange({{ target: list }}); 0 }}""")


def finds(page, yolo, pictures):
    page.wait(f'{SHOWN} === "found"')
    weights = ROOT / "weights/yolov5s.safetensors"
    same(page, native(yolo, "data/images/cows.jpg", weights), "cows.jpg")
    pictures and page.picture(pictures / "cows.png")
    page.run('document.body.dataset.state = "asked"')
    page.choose("#photo", ROOT / "tests/data/photos/astronaut.png")
    page.wait(f'{SHOWN} === "found"')
    same(page, native(yolo, "tests/data/photos/astronaut.png", weights), "astronaut.png")
    slide(page, "confidence", 0.05)
    slide(page, "iou", 0.8)
    slide(page, "side", 320)
    options = ["--conf-thres", "0.05", "--iou-thres", "0.8", "--imgsz", "320"]
    same(page, native(yolo, "tests/data/photos/astronaut.png", weights, *options), "with other settings")
    pictures and page.picture(pictures / "settings.png")
    slide(page, "confidence", 0.25)
    slide(page, "iou", 0.45)
    select(page, "bccd-shufflenetv2.safetensors")
    page.wait(f'{SHOWN} === "found"')
    light = ROOT / "weights/bccd-shufflenetv2.safetensors"
    same(page, native(yolo, "tests/data/photos/astronaut.png", light), "light weights from the list")


def says(page, folder):
    """Messages, after each of which the page goes on."""
    wrong = folder / "holiday.safetensors"
    wrong.write_bytes(b"not weights at all")
    page.choose("#own", wrong)
    trouble(page, "holiday.safetensors: not a weights file", "wrong weights")
    page.choose("#own", ROOT / "weights/bccd-yolov5n.safetensors")
    page.wait(f'{SHOWN} === "found"')
    broken = folder / "broken.jpg"
    broken.write_bytes(b"no picture")
    page.choose("#photo", broken)
    trouble(page, "broken.jpg is no picture", "a picture that does not decode")
    page.run('document.getElementById("weights").append(new Option("gone", "gone.safetensors"))')
    select(page, "gone.safetensors")
    trouble(page, "gone.safetensors cannot be fetched: the server says 404", "a missing file")
    page.run('document.body.dataset.state = "asked"; document.getElementById("webcam").click()')
    trouble(page, "There is no webcam", "no webcam")
    page.run("""{ document.body.dataset.state = "asked"; const data = new DataTransfer();
        fetch("giraffes.jpg").then((answer) => answer.blob()).then((blob) => {
            data.items.add(new File([blob], "giraffes.jpg", { type: "image/jpeg" }));
            document.dispatchEvent(new DragEvent("drop", { dataTransfer: data })); }); 0 }""")
    page.wait(f'{SHOWN} === "found"')
    print("a dropped photograph is looked at")


def webcam(page):
    page.wait(f'{SHOWN} === "found"')
    page.run('document.getElementById("webcam").click()')
    page.run("window.frames_ = 0; new MutationObserver(() => frames_++).observe("
             'document.getElementById("time"), { childList: true }); 0')
    page.wait("frames_ >= 3")
    page.run('document.getElementById("webcam").click()')
    print("three frames of a webcam in", page.run('document.getElementById("time").textContent'), "each")


def main(dist, yolo, program, pictures=None):
    address = serve(dist)
    pictures = pictures and pathlib.Path(pictures)
    with Page(program, address) as page, tempfile.TemporaryDirectory() as folder:
        finds(page, yolo, pictures)
        says(page, pathlib.Path(folder))
    # Chromium's own test picture in a webcam's place.
    with Page(program, address, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream") as page:
        webcam(page)
        pictures and page.picture(pictures / "webcam.png")
    # A processor without the instructions that Chromium makes vectors of.
    with Page(program, address, "--js-flags=--no-enable-ssse3 --no-enable-sse4-1") as page:
        trouble(page, "no vector instructions for WebAssembly", "no SIMD")
        pictures and page.picture(pictures / "no-simd.png")


if __name__ == "__main__":
    main(*sys.argv[1:])
