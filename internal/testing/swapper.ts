/**
 * Somebody who puts symbolic links in the place of directories and files, and takes them away again, as fast as the kernel does it (renameat2(2), RENAME_EXCHANGE): whoever looks at a
 * name and then uses it is led elsewhere in between.
 */
import { python } from "./program.ts";
import { SCRATCH_VARIABLE } from "./scratch.ts";

const SWAP = `
import ctypes, json, os, platform, sys
RENAME_EXCHANGE, AT_FDCWD = 2, -100
call = {"x86_64": 316, "aarch64": 276}[platform.machine()]
libc = ctypes.CDLL(None, use_errno=True)
request = json.loads(sys.stdin.readline())
pairs = [(a.encode(), b.encode()) for a, b in request["pairs"]]
grows = os.open(request["grows"], os.O_RDONLY | os.O_DIRECTORY)
def swap(a, b):
    if libc.syscall(call, AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) != 0: sys.exit(os.strerror(ctypes.get_errno()))
stop, rounds = False, 0
os.set_blocking(0, False)
print("begun", flush=True)
while not stop:
    for a, b in pairs: swap(a, b)
    rounds += 1
    if rounds % 2 == 0:
        if rounds % 4000 == 0:
            with open(os.open(f"new{rounds}", os.O_WRONLY | os.O_CREAT, dir_fd=grows), "w") as file: file.write("real")
        try: stop = os.read(0, 100) != b"" or True
        except BlockingIOError: pass
print(rounds, flush=True)
`;

export class Swapper {
  readonly #child;
  readonly #begun: Promise<void>;
  #said = "";

  /** `pairs`: paths that are exchanged. `grows`: a directory, under whatever name, that gets a new file now and then. */
  constructor(folder: string, request: { readonly pairs: readonly (readonly [string, string])[]; readonly grows: string }) {
    this.#child = Bun.spawn(python(SWAP), {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
      env: { PATH: process.env.PATH ?? "", [SCRATCH_VARIABLE]: folder },
    });
    void this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    void this.#child.stdin.flush();
    this.#begun = this.#listen();
  }

  #listen(): Promise<void> {
    return new Promise((resolve) => {
      void (async () => {
        for await (const bytes of this.#child.stdout) {
          this.#said += new TextDecoder().decode(bytes);
          resolve();
        }
      })();
    });
  }

  begun(): Promise<void> {
    return this.#begun;
  }

  /** Ends it with everything in its own place; how often things were exchanged. */
  async stop(): Promise<number> {
    void this.#child.stdin.write("stop\n");
    void this.#child.stdin.flush();
    const code = await this.#child.exited;
    if (code !== 0) throw new Error(`the swapper ended with ${code}`);
    return Number(this.#said.trim().split("\n").at(-1));
  }
}
