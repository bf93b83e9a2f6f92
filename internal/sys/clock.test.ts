import { expect, test } from "bun:test";
import { monotonicNanoseconds } from "./mod.ts";

const IN_A_WORKER = `
import { monotonicNanoseconds } from ${JSON.stringify(import.meta.resolve("./mod.ts"))};
postMessage(monotonicNanoseconds());
`;

test("the monotonic clock is the same in a thread that was started later", async () => {
  const before = monotonicNanoseconds();
  const worker = new Worker(URL.createObjectURL(new Blob([IN_A_WORKER], { type: "application/typescript" })));
  const there = await new Promise<bigint>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<bigint>) => resolve(data);
    worker.onerror = (event) => reject(new Error(event.message));
  });
  worker.terminate();
  expect(there).toBeGreaterThan(before);
  expect(there).toBeLessThan(monotonicNanoseconds());
});
