/** Who writes, asked of the real kernel with writers that are processes of their own. */
import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { python, Scratch, until } from "../testing/mod.ts";
import * as sys from "./mod.ts";

/** A process that runs this python with the file as its argument; what it prints comes line by line, in however many pieces it writes it. */
function running(program: string, path: string) {
  const child = Bun.spawn(python(program, path), { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  async function heard(): Promise<string> {
    while (!rest.includes("\n")) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`the writer ended after ${JSON.stringify(rest)}`);
      rest += value;
    }
    const [line = "", ...others] = rest.split("\n");
    rest = others.join("\n");
    return line;
  }
  return { child, heard };
}

function withFile(action: (path: string, file: sys.FileDescriptor, root: sys.FileDescriptor) => Promise<void>) {
  return async () => {
    using scratch = new Scratch();
    writeFileSync(scratch.path("file"), "x");
    const root = sys.openRootDirectory(scratch.folder)._unsafeUnwrap();
    const file = sys.openFileForReading(root, "file")._unsafeUnwrap();
    await action(scratch.path("file"), file, root);
    sys.close(file);
    sys.close(root);
  };
}

describe("a writer", () => {
  test(
    "is seen for as long as it has the file open, and a reader is none",
    withFile(async (path, file) => {
      expect(sys.probeWriters(file)).toBe("none");
      const reading = running("import sys; f = open(sys.argv[1]); print('open', flush=True); sys.stdin.read()", path);
      await reading.heard();
      expect(sys.probeWriters(file)).toBe("none");
      const writing = running("import sys; f = open(sys.argv[1], 'ab'); print('open', flush=True); sys.stdin.read()", path);
      await writing.heard();
      expect(sys.probeWriters(file)).toBe("some");
      expect(sys.probeWriters(file)).toBe("some");
      writing.child.kill("SIGKILL");
      await writing.child.exited;
      expect(sys.probeWriters(file)).toBe("none");
      reading.child.kill();
      await reading.child.exited;
    }),
  );

  test(
    "is seen when it has closed the file but still has it mapped for writing",
    withFile(async (path, file) => {
      const program = `
import mmap, sys
f = open(sys.argv[1], 'r+b'); m = mmap.mmap(f.fileno(), 0); f.close()
print('mapped', flush=True); sys.stdin.read()`;
      const writing = running(program, path);
      await writing.heard();
      expect(sys.probeWriters(file)).toBe("some");
      writing.child.kill("SIGKILL");
      await writing.child.exited;
      expect(sys.probeWriters(file)).toBe("none");
    }),
  );

  test("may be this process itself", () => {
    using scratch = new Scratch();
    const root = sys.openRootDirectory(scratch.folder)._unsafeUnwrap();
    const writing = sys.createExclusive(root, "own", 0o600)._unsafeUnwrap();
    const reading = sys.openFileForReading(root, "own")._unsafeUnwrap();
    expect(sys.probeWriters(reading)).toBe("some");
    sys.close(writing);
    expect(sys.probeWriters(reading)).toBe("none");
    sys.close(reading);
    sys.close(root);
  });

  test(
    "that opens and closes the file all the time never fails to, and 10,000 questions meanwhile do not end this process",
    withFile(async (path, file) => {
      const program = `
import os, signal, sys
going = True
def stop(*_):
    global going
    going = False
signal.signal(signal.SIGTERM, stop)
opened = 0
while going:
    fd = os.open(sys.argv[1], os.O_WRONLY)
    opened += 1
    if opened == 1: print('started', flush=True)
    os.close(fd)
print(opened)`;
      const writing = running(program, path);
      await writing.heard();
      const answers = { none: 0, some: 0, unknown: 0 };
      for (let count = 0; count < 10_000; count++) answers[sys.probeWriters(file)] += 1;
      // Until both have been seen: on a busy machine the writer may not have had its turn.
      await until("both answers", () => {
        answers[sys.probeWriters(file)] += 1;
        return answers.none > 0 && answers.some > 0;
      });
      expect(answers.unknown).toBe(0);
      writing.child.kill("SIGTERM");
      expect(Number(await writing.heard())).toBeGreaterThan(0);
      expect(await writing.child.exited).toBe(0);
    }),
    60_000,
  );
});

test("what cannot have a lease is unknown", () => {
  using scratch = new Scratch();
  const root = sys.openRootDirectory(scratch.folder)._unsafeUnwrap();
  expect(sys.probeWriters(root)).toBe("unknown");
  const proc = sys.openRootDirectory("/proc/self")._unsafeUnwrap();
  const status = sys.openFileForReading(proc, "status")._unsafeUnwrap();
  expect(["unknown", "none"]).toContain(sys.probeWriters(status));
  for (const descriptor of [root, status, proc]) sys.close(descriptor);
});

test("the signal of a lease is neither handled nor blocked by the runtime", () => {
  const status = readFileSync("/proc/self/status", "utf8");
  for (const set of ["SigCgt", "SigBlk"]) {
    const bits = BigInt(`0x${new RegExp(`^${set}:\\s*(\\w+)`, "m").exec(status)?.[1]}`);
    expect((bits >> 22n) & 1n).toBe(0n);
  }
});
