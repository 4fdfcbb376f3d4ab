"""A headless Chromium, driven by its own protocol over two pipes, so that Python needs no package for it."""

import json
import os
import pathlib
import select
import subprocess
import tempfile
import time

FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --disable-extensions --hide-scrollbars --remote-debugging-pipe""".split()


class Page:
    """One page at an address. `with Page(program, address) as page:`"""

    def __init__(self, program, address, *flags):
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_read, self.to = os.pipe()
        self.read, from_write = os.pipe()

        def pipes():
            # The protocol's are 3 and 4; first out of each other's way.
            source, target = os.dup(to_read), os.dup(from_write)
            os.dup2(source, 3)
            os.dup2(target, 4)

        self.process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={self.folder.name}", "--window-size=1280,900", *flags, "about:blank"],
            preexec_fn=pipes, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(from_write)
        self.number, self.rest, self.session = 0, b"", None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.navigate", url=address)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.to)
        os.close(self.read)
        self.folder.cleanup()

    def call(self, method, seconds=120, **params):
        """One command, and its result; events in between are left aside."""
        self.number += 1
        question = {"id": self.number, "method": method, "params": params}
        if self.session:
            question["sessionId"] = self.session
        os.write(self.to, json.dumps(question).encode() + b"\0")
        end = time.time() + seconds
        while True:
            while b"\0" in self.rest:
                text, _, self.rest = self.rest.partition(b"\0")
                answer = json.loads(text)
                if answer.get("id") == self.number:
                    if "error" in answer:
                        raise RuntimeError(f"{method}: {answer['error']}")
                    return answer["result"]
            ready, _, _ = select.select([self.read], [], [], max(0, end - time.time()))
            piece = os.read(self.read, 1 << 20) if ready else b""
            if not piece:
                raise RuntimeError(f"{method}: Chromium {'is gone' if ready else 'does not answer'}")
            self.rest += piece

    def run(self, script):
        """The value of an expression in the page; promises are waited for."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait(self, condition, seconds=120):
        """Waits until an expression is true."""
        end = time.time() + seconds
        while not self.run(condition):
            if time.time() > end:
                raise RuntimeError(f"{condition} was never true; the page: {self.run('document.body.innerText')}")
            time.sleep(0.05)

    def choose(self, selector, path):
        """Chooses a file as a user does."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(pathlib.Path(path).resolve())])

    def picture(self, path):
        """Writes what is seen as PNG."""
        import base64
        pathlib.Path(path).write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))
