/** The endpoint over real sockets: what it answers, and what it does with clients that are slow, greedy or wrong. */
import { expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { err, ok, type Result } from "neverthrow";
import { Scratch, until } from "../testing/mod.ts";
import { condition, replicaStatus, statusDocument } from "./_for-tests.ts";
import { type AgentError, agentErrorMessage } from "./agent-error.ts";
import { AgentMetrics } from "./metrics.ts";
import type { StatusDocument } from "./status-document.ts";
import { type EndpointSources, type ListenAddress, startEndpoint } from "./status-endpoint.ts";

const TCP: ListenAddress = { kind: "tcp", host: "127.0.0.1", port: 0 };

/** A world that can be changed while it is shown. */
class Shown implements EndpointSources {
  document: Result<StatusDocument, AgentError> = ok(statusDocument());
  healthy = true;
  asked = 0;
  time = 0;
  readonly metrics = new AgentMetrics(() => 4096);
  readonly clock = { elapsed: () => this.time };

  status(): Result<StatusDocument, AgentError> {
    this.asked += 1;
    return this.document;
  }

  health(): { healthy: boolean; detail: string } {
    return { healthy: this.healthy, detail: this.healthy ? "the controller works" : "no progress for 60 s" };
  }

  nextSecond(): void {
    this.time += 1_000;
  }
}

async function withEndpoint(action: (shown: Shown, url: string, port: number) => Promise<void>): Promise<void> {
  const shown = new Shown();
  const endpoint = (await startEndpoint(TCP, shown, shown.clock))._unsafeUnwrap();
  try {
    await action(shown, `http://127.0.0.1:${endpoint.port}`, endpoint.port ?? 0);
  } finally {
    await endpoint.stop();
  }
}

/** Sends bytes as they are, each part after `pauseMilliseconds`; what came back until the far end closed. */
function send(port: number, parts: readonly string[], pauseMilliseconds = 0): Promise<{ got: string; milliseconds: number }> {
  return new Promise((resolve) => {
    const begun = performance.now();
    let got = "";
    let next = 0;
    const socket = connect(port, "127.0.0.1");
    const feed = (): void => {
      const part = parts[next++];
      if (part === undefined || socket.destroyed) return;
      socket.write(part);
      setTimeout(feed, pauseMilliseconds);
    };
    socket.on("connect", feed);
    socket.on("data", (data) => {
      got += data.toString();
    });
    // Whoever writes on is told that the connection is gone: that is what is waited for.
    socket.on("error", () => undefined);
    socket.on("close", () => resolve({ got, milliseconds: performance.now() - begun }));
  });
}

test("the status, the metrics and an index are there, with headers that keep them from being kept or guessed at", async () => {
  await withEndpoint(async (_, url) => {
    const status = await fetch(`${url}/status`);
    expect(await status.json()).toEqual(JSON.parse(JSON.stringify(statusDocument())));
    expect(status.headers.get("content-type")).toBe("application/json");
    const metrics = await fetch(`${url}/metrics?collect=all`);
    expect(metrics.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await metrics.text()).toContain("\nxtelemdb_converged 0\n");
    expect(await (await fetch(url)).text()).toContain("/readyz");
    for (const path of ["/", "/healthz", "/readyz", "/status", "/metrics", "/nothing"]) {
      const { headers } = await fetch(url + path);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("server")).toBeNull();
    }
  });
});

test("/healthz fails only when the controller makes no progress; /readyz also names the replica that is stalled", async () => {
  await withEndpoint(async (shown, url) => {
    const codes = async () => [(await fetch(`${url}/healthz`)).status, (await fetch(`${url}/readyz`)).status];
    expect(await codes()).toEqual([200, 200]);
    shown.document = ok(
      statusDocument({
        replicas: [
          replicaStatus({
            conditions: [condition("Ready", "False", "NotPermitted"), condition("Stalled", "True", "NotPermitted")],
          }),
        ],
      }),
    );
    shown.nextSecond();
    expect(await codes()).toEqual([200, 503]);
    expect(await (await fetch(`${url}/readyz`)).text()).toBe("not ready\nreplica /mnt/backup: Stalled: NotPermitted: m\n");
    shown.healthy = false;
    shown.nextSecond();
    expect(await codes()).toEqual([503, 503]);
    expect(await (await fetch(`${url}/healthz`)).text()).toBe("no progress for 60 s\n");
  });
});

test("a wrong path is 404, a wrong method is 405 and names the right ones, HEAD has no body", async () => {
  await withEndpoint(async (_, url) => {
    expect((await fetch(`${url}/../etc/passwd`)).status).toBe(404);
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
      const { status, headers } = await fetch(`${url}/status`, { method });
      expect({ method, status, allow: headers.get("allow") }).toEqual({ method, status: 405, allow: "GET, HEAD" });
    }
    const head = await fetch(`${url}/status`, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });
});

test("answers are made once a second, however many ask", async () => {
  await withEndpoint(async (shown, url) => {
    const everything = () =>
      Promise.all(Array.from({ length: 40 }, (_, index) => fetch(url + ["/status", "/metrics", "/readyz"][index % 3])));
    for (let second = 1; second <= 3; second++) {
      for (const response of [...(await everything()), ...(await everything())]) expect(response.status).toBe(200);
      expect(shown.asked).toBe(second);
      shown.nextSecond();
    }
  });
});

test("a status that cannot be read is 503 and a fault is 500, both without a path", async () => {
  await withEndpoint(async (shown, url) => {
    shown.document = err({ kind: "inventory-damaged", path: "/secret/inventory.db", detail: "page 3" });
    for (const path of ["/status", "/metrics", "/readyz"]) {
      const response = await fetch(url + path);
      expect([response.status, await response.text()]).toEqual([503, "the status cannot be read: inventory-damaged\n"]);
    }
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    shown.status = () => {
      throw new Error("/secret/inventory.db");
    };
    shown.nextSecond();
    const response = await fetch(`${url}/status`);
    expect([response.status, await response.text()]).toEqual([500, "a fault of xtelemdb itself: see its log\n"]);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });
});

test("too large headers and bodies are refused, and what is no HTTP is cut off", async () => {
  await withEndpoint(async (_, url, port) => {
    expect((await send(port, [`GET / HTTP/1.1\r\nHost: x\r\nX: ${"a".repeat(20_000)}\r\n\r\n`])).got).toStartWith(
      "HTTP/1.1 431 ",
    );
    expect((await send(port, [`GET /${"a".repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`])).got).toMatch(/^HTTP\/1.1 4(14|31) /);
    const tooLong = await send(port, ["GET /status HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\naaaa"]);
    expect(tooLong.got).toStartWith("HTTP/1.1 413 ");
    expect(tooLong.milliseconds).toBeLessThan(3_000);
    const large = { method: "POST", body: "a".repeat(100_000) };
    expect((await fetch(`${url}/status`, large)).status).toBe(413);
    expect((await send(port, ["\u0000\u0001\u0002\r\n\r\n"])).got).toStartWith("HTTP/1.1 400 ");
    expect((await fetch(url)).status).toBe(200);
  });
}, 30_000);

test("clients that are silent, slow or stop in the middle are cut off within seconds, and others are answered meanwhile", async () => {
  await withEndpoint(async (_, url, port) => {
    let ended = false;
    const head = "GET /status HTTP/1.1\r\nHost: x\r\n";
    const slow = Promise.all([
      send(port, []),
      send(port, [head]),
      send(port, [...`${head}X: ${"a".repeat(200)}`], 200),
      send(port, [`${head}\r\n`]),
      ...Array.from({ length: 100 }, () => send(port, ["G"])),
    ]).finally(() => {
      ended = true;
    });
    await until("an answer while the others are slow", async () => (await fetch(`${url}/status`)).status === 200);
    expect(ended).toBe(false);
    for (const { milliseconds } of await slow) expect(milliseconds).toBeLessThan(20_000);
    expect((await fetch(`${url}/status`)).status).toBe(200);
  });
}, 40_000);

test("an address that is in use, or not this machine's, is an error with the address and what to do", async () => {
  await withEndpoint(async (shown, _, port) => {
    const taken = (await startEndpoint({ kind: "tcp", host: "127.0.0.1", port }, shown))._unsafeUnwrapErr();
    expect(taken).toMatchObject({ kind: "endpoint", address: `127.0.0.1:${port}`, why: "in-use" });
    expect(agentErrorMessage(taken)).toContain(`127.0.0.1:${port}`);
    expect(agentErrorMessage(taken)).toContain("help: another process listens there");
    const strange = await startEndpoint({ kind: "tcp", host: "192.0.2.1", port: 0 }, shown);
    expect(strange._unsafeUnwrapErr()).toMatchObject({ address: "192.0.2.1:0", why: "no-such-address" });
  });
});

const over = (unix: string, path = "/healthz") => fetch(`http://localhost${path}`, { unix });

test("a unix socket is for owner and group only, leaves nothing else behind, and goes with the endpoint", async () => {
  using scratch = new Scratch();
  const path = scratch.path("status.sock");
  const endpoint = (await startEndpoint({ kind: "unix", path }, new Shown()))._unsafeUnwrap();
  expect((await over(path)).status).toBe(200);
  expect((lstatSync(path).mode & 0o777).toString(8)).toBe("660");
  expect(readdirSync(scratch.folder)).toEqual(["status.sock"]);
  await endpoint.stop();
  await endpoint.stop();
  expect(readdirSync(scratch.folder)).toEqual([]);
});

test("a live socket is left alone, a dead one is replaced, and a stopped endpoint takes away no socket but its own", async () => {
  using scratch = new Scratch();
  const path = scratch.path("status.sock");
  const listen = { kind: "unix", path } as const;
  const first = (await startEndpoint(listen, new Shown()))._unsafeUnwrap();
  const second = (await startEndpoint(listen, new Shown()))._unsafeUnwrapErr();
  expect(second).toMatchObject({ kind: "endpoint", address: path, why: "in-use" });
  expect((await over(path)).status).toBe(200);
  // As a killed process leaves it: a name at which nobody listens.
  renameSync(path, scratch.path("aside"));
  await first.stop();
  renameSync(scratch.path("aside"), path);
  const third = (await startEndpoint(listen, new Shown()))._unsafeUnwrap();
  expect((await over(path)).status).toBe(200);
  await first.stop();
  expect((await over(path)).status).toBe(200);
  await third.stop();
  expect(existsSync(path)).toBe(false);
});

test("what is no socket is left alone; a missing folder and too long a path are told", async () => {
  using scratch = new Scratch();
  const start = async (path: string) => (await startEndpoint({ kind: "unix", path }, new Shown()))._unsafeUnwrapErr();
  writeFileSync(scratch.path("file"), "mine");
  mkdirSync(scratch.path("folder"));
  symlinkSync("file", scratch.path("link"));
  for (const name of ["file", "folder", "link"]) {
    expect(await start(scratch.path(name))).toMatchObject({ address: scratch.path(name), why: "in-the-way" });
  }
  expect(readFileSync(scratch.path("file"), "utf8")).toBe("mine");
  const missing = await start(scratch.path("missing", "s"));
  expect(missing).toMatchObject({ why: "impossible", detail: "its folder does not exist" });
  expect(await start(scratch.path("x".repeat(120)))).toMatchObject({ why: "impossible" });
  expect(readdirSync(scratch.folder).toSorted()).toEqual(["file", "folder", "link"]);
});

test("a folder that is not writable is told as denied", async () => {
  using scratch = new Scratch();
  mkdirSync(scratch.path("closed"));
  chmodSync(scratch.path("closed"), 0o555);
  chmodSync(scratch.folder, 0o755);
  // Root may write anywhere: it is somebody else for a moment.
  const isRoot = process.getuid?.() === 0;
  if (isRoot) process.seteuid?.(65534);
  const started = await startEndpoint({ kind: "unix", path: scratch.path("closed", "s") }, new Shown());
  if (isRoot) process.seteuid?.(0);
  expect(started._unsafeUnwrapErr()).toMatchObject({ why: "denied" });
});
