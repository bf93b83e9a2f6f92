/** A program on a terminal of its own, made by script(1): what it draws can be read, and keys can be pressed. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { command } from "./program.ts";
import { makeScratch, SCRATCH_VARIABLE } from "./scratch.ts";
import { until } from "./until.ts";

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** A program that runs on a terminal. */
export class Terminal {
  readonly #folder = makeScratch();
  readonly #child;
  #output = "";
  readonly ended: Promise<number>;

  constructor(words: readonly string[], { columns, rows }: { readonly columns: number; readonly rows: number }) {
    const place = quoted(join(this.#folder, "place"));
    const size = `stty cols ${columns} rows ${rows}`;
    // "exec", so that the number of the shell is the program's.
    const shell = `${size}; echo "$$ $(tty)" > ${place}; exec ${words.map(quoted).join(" ")}`;
    this.#child = Bun.spawn(["script", "-qefc", shell, "/dev/null"], {
      cwd: this.#folder,
      env: {
        PATH: process.env.PATH ?? "/usr/bin:/bin",
        HOME: this.#folder,
        TERM: "xterm",
        SHELL: "/bin/sh",
        [SCRATCH_VARIABLE]: this.#folder,
      },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    const read = this.#read();
    this.ended = this.#child.exited.then(async (code) => {
      await read;
      return code;
    });
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of this.#child.stdout) this.#output += decoder.decode(bytes, { stream: true });
  }

  /** All that was drawn so far, with its control codes. */
  get output(): string {
    return this.#output;
  }

  press(keys: string): void {
    void this.#child.stdin.write(keys);
    void this.#child.stdin.flush();
  }

  async #place(): Promise<readonly [pid: number, device: string]> {
    const line = await until("the program's terminal", () => {
      const text = readFileSync(join(this.#folder, "place"), { encoding: "utf8", flag: "a+" });
      return text.endsWith("\n") && text.trim();
    });
    const [pid = "", device = ""] = line.split(" ");
    return [Number(pid), device];
  }

  async signal(name: NodeJS.Signals): Promise<void> {
    process.kill((await this.#place())[0], name);
  }

  async resize({ columns, rows }: { readonly columns: number; readonly rows: number }): Promise<void> {
    command("stty", "-F", (await this.#place())[1], "cols", String(columns), "rows", String(rows));
  }
}
