/** The status endpoint of the compiled program under clients that mean harm: copying goes on meanwhile, and afterwards everything is as it was. */
import { expect } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { connect, createServer, type NetConnectOpts, type Socket } from "node:net";
import { RunningAgent, until, wholeTest } from "../../internal/testing/mod.ts";

const FLOOD = 400;
/** Fewer than the flood, more than the agent needs for itself. */
const DESCRIPTORS = 256;
const MOST_MEGABYTES = 300;
/** Until a client that says nothing more is cut off: Bun's own time for headers is about 10 s. */
const CUT_OFF_MILLISECONDS = 30_000;

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** A client: what it got, and whether it was cut off. */
class Client {
  readonly socket: Socket;
  received = "";
  isClosed = false;

  constructor(where: NetConnectOpts) {
    this.socket = connect(where);
    this.socket.on("data", (data) => {
      this.received += data.toString("latin1");
    });
    this.socket.on("close", () => {
      this.isClosed = true;
    });
    // A reset is a way to be cut off.
    this.socket.on("error", () => undefined);
  }

  send(bytes: string): void {
    if (!this.isClosed) this.socket.write(bytes);
  }

  /** The status of its answer; undefined where there was none. */
  get status(): number | undefined {
    const [, code] = /^HTTP\/1\.1 (\d+)/.exec(this.received) ?? [];
    return code === undefined ? undefined : Number(code);
  }
}

async function ask(where: NetConnectOpts, request: string): Promise<Client> {
  const client = new Client(where);
  client.send(request);
  await until("an answer, or an end", () => client.isClosed || client.status !== undefined, CUT_OFF_MILLISECONDS);
  client.socket.destroy();
  return client;
}

const HEALTHZ = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/** What is refused, and how; undefined: cut off without an answer. */
const GREEDY: Readonly<Record<string, readonly [request: string, ...statuses: readonly (number | undefined)[]]>> = {
  "a line without end": [`GET /${"x".repeat(200_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 414, 431, 400, undefined],
  "headers without end": [`GET / HTTP/1.1\r\nHost: x\r\n${"X-A: b\r\n".repeat(40_000)}\r\n`, 431, 400, undefined],
  "a body of gigabytes": ["POST /status HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\nx", 405, 413, undefined],
  "a body with GET": ["GET /status HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\nx", 413, undefined],
  "chunks without end": [
    `GET /status HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${"fff\r\n".repeat(10)}`,
    413,
    400,
    undefined,
  ],
  "no HTTP": ["\u0016\u0003\u0001\u0002\u0000\u0001\u0000\r\n\r\n", 400, undefined],
  "a path that climbs": ["GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", 404],
  "a path that acts": ["GET /%1b]0;owned%07 HTTP/1.1\r\nHost: x\r\n\r\n", 404],
  "a method of its own": ["DESTROY /status HTTP/1.1\r\nHost: x\r\n\r\n", 405, 400, undefined],
};

const descriptorsOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

async function withstands(listen: string, where: NetConnectOpts): Promise<void> {
  const few = { wrapper: ["bash", "-c", `ulimit -n ${DESCRIPTORS}; exec "$@"`, "few"] };
  await using agent = await RunningAgent.start({ listen, scan: { settle: "0s" } }, undefined, few);
  const { world } = agent;
  const before = descriptorsOf(agent.pid);
  for (const [name, [request, ...statuses]] of Object.entries(GREEDY)) {
    const { status, received } = await ask(where, request);
    expect(statuses, `${name}: ${status}`).toContain(status);
    expect(received).not.toContain("root:");
  }
  const slow = Array.from({ length: FLOOD }, () => new Client(where));
  for (const client of slow) client.send("GET /status HTTP/1.1\r\nHost: x\r\nX-");
  const drip = setInterval(() => {
    for (const client of slow) client.send("y");
  }, 500);
  world.files({ path: "meanwhile", content: "copied beside a flood" });
  await agent.becomes("meanwhile", "current");
  await until("the slow ones are cut off", () => slow.every(({ isClosed }) => isClosed), CUT_OFF_MILLISECONDS);
  clearInterval(drip);
  for (const client of slow) client.socket.destroy();
  const pipelined = new Client(where);
  pipelined.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".repeat(200) + HEALTHZ);
  await until("all answers, or an end", () => pipelined.isClosed, CUT_OFF_MILLISECONDS);
  expect((await ask(where, HEALTHZ)).status).toBe(200);
  world.files({ path: "afterwards", content: "and after it" });
  await agent.becomes("afterwards", "current");
  await until("the descriptors are back", () => descriptorsOf(agent.pid) <= before + 5);
  expect(agent.peakMegabytes).toBeLessThan(MOST_MEGABYTES);
  await until("the status file is written again", () => agent.status?.converged === true);
  expect((await agent.stop()).code).toBe(0);
}

wholeTest("slow, greedy, wrong and many clients over TCP keep nothing from being copied", [], async () => {
  const port = await freePort();
  await withstands(`127.0.0.1:${port}`, { host: "127.0.0.1", port });
});

wholeTest("the same over a unix socket", [], async () => {
  // A socket's path is short.
  const folder = mkdtempSync("/tmp/xtelemdb-socket-");
  try {
    await withstands(`unix:${folder}/s`, { path: `${folder}/s` });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
