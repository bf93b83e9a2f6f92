/** The watcher's thread against the real kernel. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, unlinkSync, writeFileSync } from "node:fs";
import { addWatch, close, IN, openRootDirectory } from "../sys/mod.ts";
import { command, python, repositoryPath, Scratch, until, wholeTest } from "../testing/mod.ts";
import { Watcher } from "./watcher.ts";

/** A watcher that notes what it is told: "watch bits name". */
function listening() {
  const heard: string[] = [];
  const broken: string[] = [];
  const told = { batches: 0, overflows: 0 };
  const watcher = Watcher.start(
    ({ watches, masks, names }) => {
      told.batches += 1;
      watches.forEach((watch, row) => {
        const words = Object.entries(IN).filter(([, bit]) => ((masks[row] ?? 0) & bit) !== 0);
        heard.push(`${watch} ${words.map(([word]) => word).join("+")} ${names[row]}`);
      });
    },
    () => {
      told.overflows += 1;
    },
    (detail) => broken.push(detail),
  )._unsafeUnwrap();
  const watch = (path: string): number => {
    const directory = openRootDirectory(path)._unsafeUnwrap();
    const number = addWatch(watcher.descriptor, directory)._unsafeUnwrap();
    close(directory);
    return number;
  };
  return { watcher, watch, heard, broken, told, has: (row: string) => until(row, () => heard.includes(row)) };
}

const openDescriptors = (): number => readdirSync("/proc/self/fd").length;
const tasks = (): string[] => readdirSync("/proc/self/task");

/** poll(2) of two descriptors for ever, which is ppoll(2) on arm64. */
const IN_POLL = /^(7 \S+ 0x2 0xf+|73 \S+ 0x2 0x0) /;

/** Number and arguments of the system call that a thread is in (proc(5)); threads end. */
function callOf(task: string): string {
  try {
    return readFileSync(`/proc/self/task/${task}/syscall`, "utf8");
  } catch {
    return "";
  }
}

describe("the watcher", () => {
  test("tells of files created, closed and renamed, and of directories made, renamed and removed", async () => {
    using scratch = new Scratch();
    const { watcher, watch, heard, has, broken } = listening();
    mkdirSync(scratch.path("d"));
    const [root, below] = [watch(scratch.folder), watch(scratch.path("d"))];
    const writer = Bun.spawn(["sh", "-c", 'exec >"$1"; echo; cat', "sh", scratch.path("d", "slow")], { stdin: "pipe" });
    await has(`${below} create slow`);
    expect(heard.join()).not.toContain("closeWrite");
    await writer.stdin.end();
    await has(`${below} closeWrite slow`);
    renameSync(scratch.path("d", "slow"), scratch.path("finished"));
    await has(`${root} movedTo finished`);
    mkdirSync(scratch.path("e"));
    await has(`${root} create+isDirectory e`);
    renameSync(scratch.path("e"), scratch.path("f"));
    await has(`${root} movedTo+isDirectory f`);
    renameSync(scratch.path("d"), scratch.path("f", "d"));
    await until("the move of the directory itself", () => heard.find((row) => row.startsWith(`${below} moveSelf`)));
    rmdirSync(scratch.path("f", "d"));
    await has(`${below} deleteSelf+ignored `);
    watcher.remove(root);
    await has(`${root} ignored `);
    watcher.remove(root);
    writeFileSync(scratch.path("unseen"), "");
    await watcher.close();
    expect(heard.join()).not.toContain("unseen");
    expect(broken).toEqual([]);
  });

  test("loses nothing of 5,000 files, and tells each once or twice", async () => {
    using scratch = new Scratch();
    const { watcher, watch, heard, told } = listening();
    const root = watch(scratch.folder);
    for (let index = 0; index < 5_000; index++) writeFileSync(scratch.path(`file ${index}`), "x");
    await until("the last file", () => heard.some((row) => row.includes("closeWrite") && row.endsWith("file 4999")));
    await watcher.close();
    for (let index = 0; index < 5_000; index += 499) {
      expect(heard.filter((row) => row.startsWith(`${root} `) && row.endsWith(` file ${index}`)).length).toBeWithin(1, 3);
    }
    expect(told.overflows).toBe(0);
  });

  test("tells when more happened than the kernel keeps, and goes on", async () => {
    using scratch = new Scratch();
    const { watcher, watch, told, heard } = listening();
    const root = watch(scratch.folder);
    // In one turn of this thread's: the watcher's may read a little of it and has to wait then.
    const program =
      "import os, sys; os.chdir(sys.argv[1]); [(open(str(n), 'w').close(), os.unlink(str(n))) for n in range(20000)]";
    command(...python(program, scratch.folder));
    await until("the overflow", () => told.overflows > 0);
    writeFileSync(scratch.path("after"), "");
    // Created and closed: one row, or two when it is read in between.
    await until("what came after it", () => heard.some((row) => row.startsWith(`${root} closeWrite`) && row.endsWith(" after")));
    await watcher.close();
    // What was on the way is bounded by credits, what waited by the kernel's queue.
    expect(told.batches).toBeLessThan(200);
  });

  test("leaves neither thread nor descriptor behind, closed twice, at once, or while it is told something", async () => {
    using scratch = new Scratch();
    const once = async () => {
      const { watcher, watch } = listening();
      watch(scratch.folder);
      writeFileSync(scratch.path("x"), "");
      unlinkSync(scratch.path("x"));
      await Promise.all([watcher.close(), watcher.close()]);
    };
    await once();
    const before = openDescriptors();
    for (let count = 0; count < 20; count++) await once();
    await until("the threads' own end", () => openDescriptors() <= before);
  });

  test("is blocked in one call without a timeout while nothing happens", async () => {
    using scratch = new Scratch();
    const before = tasks();
    const { watcher, watch, has } = listening();
    const root = watch(scratch.folder);
    writeFileSync(scratch.path("x"), "");
    await has(`${root} closeWrite+create x`);
    await until("a thread in poll", () => tasks().some((task) => !before.includes(task) && IN_POLL.test(callOf(task))));
    await watcher.close();
  });
});

const script = (scratch: Scratch, text: string): string[] => {
  const imported = `import { Watcher } from ${JSON.stringify(repositoryPath("internal/agent/watcher.ts"))};`;
  writeFileSync(scratch.path("script.ts"), `${imported}\n${text}`);
  return [process.execPath, "run", scratch.path("script.ts")];
};

test("a program that ends by itself is not held up by a watcher that waits", () => {
  using scratch = new Scratch();
  const program = script(
    scratch,
    `import { readdirSync, readFileSync } from "node:fs";
    Watcher.start(() => {}, () => {}, () => {})._unsafeUnwrap();
    const calls = () => readdirSync("/proc/self/task").map((task) => readFileSync("/proc/self/task/" + task + "/syscall", "utf8"));
    setInterval(() => calls().some((call) => ${IN_POLL}.test(call)) && process.exit(7), 5);`,
  );
  expect(Bun.spawnSync(program, { timeout: 20_000 }).exitCode).toBe(7);
});

wholeTest("a watcher whose thread cannot wait says so once, and closes", ["strace"], () => {
  using scratch = new Scratch();
  const program = script(
    scratch,
    `const watcher = Watcher.start(() => {}, () => {}, async (detail) => {
      console.log(detail);
      await watcher.close();
      console.log("closed");
    })._unsafeUnwrap();`,
  );
  const strace = ["strace", "-f", "-o", "/dev/null", "-e", "inject=poll,ppoll:error=ENOMEM"];
  const run = Bun.spawnSync([...strace, ...program], { timeout: 60_000, stdout: "pipe" });
  expect([run.stdout.toString(), run.exitCode]).toEqual(["poll: out of memory (ENOMEM)\nclosed\n", 0]);
});
