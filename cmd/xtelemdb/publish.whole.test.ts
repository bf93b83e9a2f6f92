/** Who reads a replica while it is written sees whole files. */
import { expect } from "bun:test";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { temporaryFiles, until, World, wholeTest } from "../../internal/testing/mod.ts";

const SIZE = 24 << 20;

/** The size and SHA-256 under a name; undefined while there is no such file. */
function read(path: string): string | undefined {
  try {
    const bytes = readFileSync(path);
    return `${bytes.length} ${createHash("sha256").update(bytes).digest("hex")}`;
  } catch {
    return undefined;
  }
}

wholeTest("another process that polls the final name of a large file never sees a part of it", ["strace"], async () => {
  using world = new World();
  const slow = { inject: ["pwrite64:delay_exit=10000"] };
  const source = `${world.data}/large`;
  const copy = `${world.copies()}/large`;
  const versions = new Set<string | undefined>([undefined]);
  for (const seed of [1, 2]) {
    world.files({ path: "large", size: SIZE, seed });
    versions.add(read(source));
    const seen = new Set<string | undefined>();
    let ended = false;
    let polls = 0;
    const running = world.startTraced(["sync"], slow).ended.finally(() => {
      ended = true;
    });
    await until("the copy has begun", () => ended || temporaryFiles(world.path("backup")).length > 0);
    while (!ended) {
      seen.add(read(copy));
      polls += 1;
      await Bun.sleep(1);
    }
    expect(await running).toMatchObject({ code: 0 });
    expect(polls).toBeGreaterThan(2);
    for (const version of seen) expect(versions).toContain(version);
    expect(read(copy)).toBe(read(source));
    versions.delete(undefined);
  }
});

wholeTest("who has the old version open keeps it whole when the new one is published", [], async () => {
  using world = new World();
  world.files({ path: "large", size: SIZE, seed: 1 });
  expect(await world.sync()).toMatchObject({ code: 0 });
  const old = read(`${world.copies()}/large`);
  const reader = Bun.file(`${world.copies()}/large`).stream().getReader();
  const hash = createHash("sha256");
  const first = await reader.read();
  if (first.value !== undefined) hash.update(first.value);
  world.files({ path: "large", size: SIZE, seed: 2 });
  expect(await world.sync()).toMatchObject({ code: 0 });
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) hash.update(chunk.value);
  expect(`${SIZE} ${hash.digest("hex")}`).toBe(old ?? "");
});
