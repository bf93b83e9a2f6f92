/** What is mounted below a data directory, or leads out of it by a way that the configuration does not show. */
import { expect } from "bun:test";
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync, writeSync } from "node:fs";
import {
  command,
  HOST,
  inventoryExecute,
  mountMemory,
  RunningAgent,
  until,
  Volume,
  World,
  wholeTest,
} from "../../internal/testing/mod.ts";

wholeTest(
  "a disk below a data directory that is not mounted proves nothing, and what is there in its place is not copied",
  ["root"],
  async () => {
    using world = new World();
    const image = world.path("disk.image");
    command("truncate", "-s", "16M", image);
    command("mkfs.ext4", "-F", "-q", image);
    const disk = new Volume(`${world.data}/disk`, ["-o", "loop", image]);
    world.files(...Array.from({ length: 100 }, (_, index) => ({ path: `own/${index}`, content: `${index}` })));
    world.files({ path: "disk/deep/3", content: "night 3\n" }, { path: "disk/4", content: "night 4\n" });
    expect(await world.sync()).toMatchObject({ code: 0 });
    world.files({ path: "disk/late", content: "never copied\n" });
    expect(await world.run("scan")).toMatchObject({ code: 0 });
    disk.unmount();
    // The instrument goes on, onto the empty mount point.
    world.files({ path: "disk/4", content: "other\n" });
    for (const _ of [1, 2]) {
      const outcome = await world.sync();
      expect(outcome, outcome.stdout).toMatchObject({ code: 3 });
      expect(outcome.stdout).toContain(`${world.data}/disk is not mounted`);
    }
    expect(readFileSync(`${world.copies()}/disk/4`, "utf8")).toBe("night 4\n");
    for (const name of ["late", "deep/3"])
      expect((await world.explain(`${world.data}/disk/${name}`)).files[0]?.state).toBe("settled");
    expect((await world.explain(`${world.data}/disk/late`)).files[0]?.replicas[0]).toMatchObject({ pending: true });
    // Gone with its mount point, as /media is.
    renameSync(`${world.data}/disk`, world.path("aside"));
    expect((await world.sync()).stdout).toContain(`${world.data}/disk is not mounted`);
    mkdirSync(`${world.data}/disk`);
    disk.mount();
    expect(await world.sync()).toMatchObject({ code: 0 });
    expect(world.copiedFiles()).toEqual(world.originFiles());
    // A file of it that is deleted is gone like any other.
    rmSync(`${world.data}/disk/deep`, { recursive: true });
    expect(await world.sync()).toMatchObject({ code: 0 });
    expect((await world.explain(`${world.data}/disk/deep/3`)).files[0]?.state).toBe("absent");
    // A data directory of its own, it is no part of another, and then is one again.
    for (const directories of [["data", "data/disk"], ["data"]]) {
      world.declare({ hosts: { exao1: directories } });
      const outcome = await world.sync();
      expect(outcome, outcome.stdout).toMatchObject({ code: directories.length === 1 ? 0 : 2 });
    }
    for (const directory of ["data/disk", "data"]) {
      world.declare({ hosts: { exao1: [directory] }, scan: { max_loss: "100%" } });
      const outcome = await world.sync();
      expect(outcome, outcome.stdout).toMatchObject({ code: 0 });
    }
    // Gone for good: the operator says so.
    disk.unmount();
    expect(await world.run("scan", `accept_loss=${world.data}`)).toMatchObject({ code: 0 });
    expect((await world.explain(`${world.data}/disk/4`)).files[0]?.state).toBe("absent");
    expect(await world.sync()).toMatchObject({ code: 0 });
  },
);

wholeTest("so does one that was mounted below another, as autofs does it, or bound from the same disk", ["root"], async () => {
  using world = new World();
  mountMemory(`${world.data}/net`);
  const host = mountMemory(`${world.data}/net/host`);
  mkdirSync(world.path("elsewhere"));
  mkdirSync(`${world.data}/bound`);
  command("mount", "--bind", world.path("elsewhere"), `${world.data}/bound`);
  world.files({ path: "net/host/a", content: "night a\n" }, { path: "bound/b", content: "night b\n" });
  world.files(...Array.from({ length: 30 }, (_, index) => ({ path: `own/${index}`, content: `${index}` })));
  expect(await world.sync()).toMatchObject({ code: 0 });
  host.unmount();
  command("umount", `${world.data}/bound`);
  world.files({ path: "net/host/a", content: "other\n" }, { path: "bound/b", content: "other\n" });
  const outcome = await world.sync();
  expect(outcome).toMatchObject({ code: 3 });
  for (const path of ["net/host", "bound"]) expect(outcome.stdout).toContain(`${world.data}/${path} is not mounted`);
  expect(readFileSync(`${world.copies()}/net/host/a`, "utf8")).toBe("night a\n");
  expect(readFileSync(`${world.copies()}/bound/b`, "utf8")).toBe("night b\n");
});

wholeTest("a running agent takes nothing on an empty mount point for what was there", ["root"], async () => {
  await using agent = await RunningAgent.start({ scan: { interval: "2s", settle: "0s" } });
  const { world } = agent;
  const disk = mountMemory(`${world.data}/disk`);
  world.files({ path: "disk/4", content: "night 4\n" }, { path: "own", content: "o" });
  await agent.becomes("disk/4", "current");
  disk.unmount();
  world.files({ path: "disk/4", content: "other\n" }, { path: "more", content: "m" });
  await agent.becomes("more", "current");
  await until("it is told", async () => (await world.run("status")).stdout.includes("is not mounted"));
  expect(readFileSync(`${world.copies()}/disk/4`, "utf8")).toBe("night 4\n");
});

wholeTest("a replica in a data directory that a link hides is not copied into itself", [], async () => {
  using world = new World({ replicas: [] });
  mkdirSync(world.path("disk/backup"), { recursive: true });
  symlinkSync(world.path("disk"), world.path("link"));
  world.declare({ hosts: { exao1: ["link"] }, replicas: ["disk/backup"] });
  writeFileSync(world.path("disk/f"), "f");
  for (const _ of [1, 2, 3]) await world.sync();
  const outcome = await world.sync();
  expect(outcome).toMatchObject({ code: 3 });
  expect(outcome.stdout).toContain("is a replica");
  const copies = `${world.path("disk/backup")}/exao1${world.path("link")}`;
  expect(command("find", copies, "-type", "f").trim()).toBe(`${copies}/f`);
  // Left out, it is as it should be.
  world.declare({ hosts: { exao1: ["link"] }, replicas: ["disk/backup"], scan: { exclude: ["/backup", "backup"] } });
  expect((await world.sync()).stdout).not.toContain("is a replica");
});

wholeTest(
  "where whole seconds are kept, a file that is closed and written to within one of them is copied as it is at last",
  ["root"],
  async () => {
    const declaration = { hosts: { exao1: ["disk/data"] }, scan: { interval: "1h", settle: "2s" } };
    await using agent = await RunningAgent.start(declaration, (made) => {
      const image = made.path("disk.image");
      command("truncate", "-s", "16M", image);
      // Without room for more in an inode.
      command("mkfs.ext4", "-F", "-q", "-I", "128", image);
      command("mount", "-o", "loop", image, made.path("disk"));
      mkdirSync(made.path("disk/data"));
    });
    const { world } = agent;
    const data = world.path("disk/data");
    await until("a second has just begun", () => Date.now() % 1000 < 100);
    writeFileSync(`${data}/f`, "DRAFT header");
    await until("it was seen", async () => (await world.explain(`${data}/f`)).files.length > 0 || Date.now() % 1000 > 700);
    const open = openSync(`${data}/f`, "r+");
    writeSync(open, "FINAL header");
    closeSync(open);
    const copy = world.copies("backup", "disk/data");
    await until("it is current", async () => (await world.explain(`${data}/f`)).files[0]?.replicas[0]?.state === "current");
    expect(readFileSync(`${copy}/f`, "utf8")).toBe("FINAL header");
  },
);

wholeTest(
  "a replica that is declared while an agent watches the folder that it is bound from is not copied into itself",
  ["root"],
  async () => {
    await using agent = await RunningAgent.start({ replicas: [] }, (world) => {
      mkdirSync(`${world.data}/deep/b`, { recursive: true });
      mkdirSync(world.path("backup"));
      command("mount", "--bind", `${world.data}/deep/b`, world.path("backup"));
    });
    const { world } = agent;
    world.files({ path: "one", content: "1" });
    expect(await world.run("add_replica", `prefix=${world.path("backup")}`)).toMatchObject({ code: 0 });
    await agent.becomes("one", "current");
    world.files({ path: "two", content: "2" });
    await agent.becomes("two", "current");
    await agent.rest();
    expect(Object.keys(world.copiedFiles()).toSorted()).toEqual(["one", "two"]);
  },
);

const CAMERAS = [1, 2, 3, 4, 5, 6].map((number) => `data/cam${number}`);

for (const [what, isRemembered] of [
  ["a data directory of its own", true],
  ["one, of which an earlier release did not know that it is a mount,", false],
] as const) {
  wholeTest(
    `a disk that was ${what} and is not mounted is not gone because the directory around it is declared`,
    ["root"],
    async () => {
      using world = new World({ hosts: { [HOST]: CAMERAS } });
      mkdirSync(world.path("data/cam6"), { recursive: true });
      const disk = mountMemory(world.path("data/cam6"));
      for (const camera of CAMERAS)
        world.makeTree(
          camera,
          Array.from({ length: 10 }, (_, index) => ({ path: `${index}`, content: `${camera} ${index}` })),
        );
      expect(await world.sync()).toMatchObject({ code: 0 });
      disk.unmount();
      const before = await world.sync();
      expect(before.stdout).toContain("LossBrake");
      if (!isRemembered) inventoryExecute(world.database, "update directory set mounted = 0");
      world.declare({ hosts: { [HOST]: ["data"] } });
      for (const _ of ["at once", "for as long as it lasts"]) {
        const outcome = await world.sync();
        expect(outcome, outcome.stdout).toMatchObject({ code: 3 });
        const told = isRemembered ? "data/cam6 is not mounted" : "data/cam6, which was a data directory of its own";
        expect(outcome.stdout).toContain(told);
        expect((await world.explain(world.path("data/cam6/1"))).files).toMatchObject([{ state: "settled" }]);
      }
      expect(await world.run("scan", `accept_loss=${world.path("data")}`)).toMatchObject({ code: 0 });
      expect((await world.explain(world.path("data/cam6/1"))).files).toMatchObject([{ state: "absent" }]);
      expect(await world.sync()).toMatchObject({ code: 0 });
      // From now on it is measured with all others.
      rmSync(world.path("data/cam5"), { recursive: true });
      expect(await world.sync()).toMatchObject({ code: 0 });
    },
  );
}
