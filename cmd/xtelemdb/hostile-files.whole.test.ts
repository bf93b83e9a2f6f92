/** Files that somebody made to do harm: they are named, and everybody else's go on. */
import { expect } from "bun:test";
import { truncateSync } from "node:fs";
import { join } from "node:path";
import { command, mountMemory, World, wholeTest } from "../../internal/testing/mod.ts";

wholeTest("a file of exabytes, or of a time at the end of all clocks, is named and stops nothing", ["root"], async () => {
  using world = new World();
  mountMemory(world.data);
  world.files({ path: "good", content: "x" }, { path: "deep/good", content: "y" });
  expect((await world.sync()).code).toBe(0);
  for (const name of ["a", "b", "deep/c"]) command("truncate", "--size=7E", join(world.data, name));
  world.files({ path: "late", content: "z" }, { path: "more", content: "m" });
  command("touch", "--date=@9223372036854775806", join(world.data, "late"));
  const outcome = await world.sync();
  expect(outcome.code, outcome.stdout + outcome.stderr).toBe(3);
  expect(Object.keys(world.copiedFiles())).toEqual(["deep/good", "good", "more"]);
  const scan = (await world.status()).hosts[0]?.dataDirectories[0]?.scan;
  expect(scan).toMatchObject({ unreadable: 4 });
  expect(scan?.problems.map(({ message }) => message).join("\n")).toMatch(/data\/a: value too large \(EOVERFLOW\)/);
  expect((await world.run("explain", join(world.data, "a"))).code).toBe(3);
  // What cannot be counted is not gone, and what is made smaller is a file as any other.
  for (const name of ["a", "b", "deep/c", "late"]) truncateSync(join(world.data, name), 10);
  expect((await world.sync()).code).toBe(0);
  expect(world.copiedFiles()).toEqual(world.originFiles());
});

wholeTest(
  "more than a thousand files of 8 PiB less a few bytes are counted, planned and left for want of space",
  ["root"],
  async () => {
    using world = new World();
    mountMemory(world.data);
    world.files({ path: "good", content: "x" });
    command("sh", "-c", `cd ${world.data} && seq 1100 | xargs truncate --size=9007199254740989`);
    const outcome = await world.sync();
    expect(outcome.code, outcome.stdout + outcome.stderr).toBe(3);
    expect(Object.keys(world.copiedFiles())).toEqual(["good"]);
    const [replica] = (await world.status()).replicas;
    expect(replica?.pending.files).toBe(1100);
    expect(replica?.conditions.find(({ type }) => type === "SpaceAvailable")).toMatchObject({
      status: "False",
      reason: "NoSpace",
    });
    expect((await world.plan()).replicas[0]).toMatchObject({ copy: { files: 1100 } });
    for (const words of [["status"], ["plan"], ["safe"], ["events"], ["inventory", "check"]])
      expect((await world.run(...words)).code).toBeOneOf([0, 3]);
  },
);
