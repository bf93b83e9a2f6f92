/** A real unix datagram socket that keeps what it gets, as a service manager has one: the test's end of $NOTIFY_SOCKET. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { python } from "./program.ts";
import { SCRATCH_VARIABLE, scratchFolder } from "./scratch.ts";
import { until } from "./until.ts";

/** One datagram a line, in JSON, in the order in which they came. */
const RECEIVER = `
import json, os, socket, sys
name, out, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind("\\0" + name[1:] if name.startswith("@") else name)
with open(out, "a") as log:
    print(file=log, flush=True)
    while count != 0:
        message = receiver.recv(65536).decode()
        count -= 1
        print(json.dumps(message), file=log, flush=True)
    sys.stdin.read()
`;

export class DatagramReceiver {
  private constructor(
    private readonly child: Bun.Subprocess,
    private readonly log: string,
  ) {}

  /** Listens at a path, or at an abstract name that begins with "@"; `log` is a file that is not there yet. It reads `count` datagrams, or all. */
  static async listen(name: string, log: string, count = -1): Promise<DatagramReceiver> {
    writeFileSync(log, "");
    const child = Bun.spawn(python(RECEIVER, name, log, String(count)), {
      env: { [SCRATCH_VARIABLE]: scratchFolder() },
      stdin: "pipe",
      stdout: "ignore",
      stderr: "inherit",
    });
    await until(`a receiver at ${name}`, () => existsSync(log) && readFileSync(log, "utf8") !== "");
    return new DatagramReceiver(child, log);
  }

  /** What came until now. */
  received(): string[] {
    const lines = readFileSync(this.log, "utf8").split("\n").slice(1);
    return lines.filter((line) => line !== "").map((line) => JSON.parse(line));
  }

  /** Waits for so many datagrams, and gives them all. */
  many(count: number): Promise<string[]> {
    return until(`${count} datagrams`, () => {
      const received = this.received();
      return received.length >= count && received;
    });
  }

  [Symbol.dispose](): void {
    this.child.kill("SIGKILL");
  }
}
