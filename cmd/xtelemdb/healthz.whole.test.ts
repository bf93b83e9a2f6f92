/** The health check of containers, against endpoints of every kind. */
import { expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { World, wholeTest } from "../../internal/testing/mod.ts";

function listening(world: World, address: string): void {
  const text = readFileSync(world.configuration, "utf8");
  writeFileSync(world.configuration, `${text}[status]\nlisten = ${JSON.stringify(address)}\nallow_remote = true\n`);
}

const PROXY = { http_proxy: "http://127.0.0.1:9", HTTP_PROXY: "http://127.0.0.1:9" };

const answer = (status: number) => (request: Request) =>
  new Response("", { status: new URL(request.url).pathname === "/healthz" ? status : 404 });

wholeTest(
  "healthz is 0 when the endpoint at a unix socket says so, and 1 when it says otherwise or nobody is there",
  [],
  async () => {
    using world = new World();
    world.runWith({ environment: PROXY });
    const socket = world.path("status.sock");
    listening(world, `unix:${socket}`);
    const nobody = await world.run("healthz");
    expect(nobody.code).toBe(1);
    expect(nobody.stderr).toContain(`not alive at unix:${socket}`);
    const server = Bun.serve({ unix: socket, fetch: answer(200) });
    try {
      expect(await world.run("healthz")).toMatchObject({ code: 0, stdout: "alive\n", stderr: "" });
      server.reload({ fetch: answer(503) });
      const ill = await world.run("healthz");
      expect(ill.code).toBe(1);
      expect(ill.stderr).toContain("it answers 503");
    } finally {
      await server.stop(true);
    }
  },
);

/** Where the server is bound, and what the configuration says. */
const ADDRESSES = [
  ["127.0.0.1", "127.0.0.1"],
  ["127.0.0.1", "localhost"],
  ["0.0.0.0", "0.0.0.0"],
  ["::1", "[::1]"],
  ["::", "[::]"],
] as const;

wholeTest("healthz asks where TCP is listened at, past any proxy", [], async () => {
  for (const [bound, host] of ADDRESSES) {
    using world = new World();
    world.runWith({ environment: PROXY });
    const server = Bun.serve({ hostname: bound, port: 0, fetch: answer(200) });
    try {
      listening(world, `${host}:${server.port}`);
      const outcome = await world.run("healthz");
      expect(outcome.code, `${host}: ${outcome.stderr}`).toBe(0);
    } finally {
      await server.stop(true);
    }
  }
});

wholeTest("healthz without a declared endpoint says what to declare", [], async () => {
  using world = new World();
  const outcome = await world.run("healthz");
  expect(outcome.code).toBe(2);
  expect(outcome.stderr).toContain("[status]");
});
