/** What the weather of the proxy does to a connection. */
import { expect, test } from "bun:test";
import { TcpProxy, type Weather } from "./tcp-proxy.ts";

/** Sends bytes through a proxy with this weather; how long that takes until the last has come. */
async function millisecondsFor(bytes: number, weather: Weather): Promise<number> {
  const content = new Uint8Array(bytes).map((_byte, index) => index * 7);
  const came: Buffer[] = [];
  const done = Promise.withResolvers<void>();
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (_socket, chunk) => void came.push(chunk), close: () => done.resolve() },
  });
  const proxy = await TcpProxy.start(server.port);
  proxy.weather = weather;
  const begun = performance.now();
  let sent = 0;
  const send = (socket: Bun.Socket): void => {
    sent += Math.max(0, socket.write(content.subarray(sent)));
    if (sent === bytes) socket.end();
  };
  await Bun.connect({ hostname: "127.0.0.1", port: proxy.port, socket: { open: send, drain: send, data: () => undefined } });
  await done.promise;
  const milliseconds = performance.now() - begun;
  proxy.stop();
  server.stop(true);
  expect(Buffer.compare(Buffer.concat(came), content)).toBe(0);
  expect(proxy.passed).toBe(bytes);
  return milliseconds;
}

test("what passes is what was sent, however slowly the far end takes it", async () => {
  await millisecondsFor(20_000_000, {});
});

test("a delay holds every byte back", async () => {
  expect(await millisecondsFor(5_000_000, { delayMilliseconds: 30 })).toBeGreaterThanOrEqual(30);
});

test("a window lets so many bytes pass in a round trip, and no more", async () => {
  // Six windows: five round trips until the last may leave, and its way.
  expect(await millisecondsFor(60_000, { delayMilliseconds: 10, windowBytes: 10_000 })).toBeGreaterThanOrEqual(110);
});
