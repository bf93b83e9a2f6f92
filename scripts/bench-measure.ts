/** How the benchmark measures: whole processes that take turns, so that whatever disturbs the machine disturbs all of them; medians of the rounds. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A command, and what puts the disk into the state that it starts from (not measured). */
export interface Contender {
  readonly name: string;
  readonly command: readonly string[];
  readonly prepare?: () => void;
  /** Exit codes that count as success; 0 when left out. */
  readonly codes?: readonly number[];
}

export interface Measurement {
  readonly work: string;
  readonly seconds: number;
  /** Half the distance between the fastest and the slowest round. */
  readonly spread: number;
  readonly peakBytes: number;
  readonly peers: readonly {
    readonly name: string;
    readonly seconds: number;
    readonly ratio: number;
    readonly peakBytes: number;
  }[];
}

interface Sample {
  readonly seconds: number;
  readonly peakBytes: number;
}

export const median = (numbers: readonly number[]): number => {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
};

/** A measurement of what was timed elsewhere. */
export function sampleOf(
  work: string,
  seconds: readonly number[],
  peakBytes: number,
  peers: readonly { readonly name: string; readonly seconds: number; readonly peakBytes: number }[],
): Measurement {
  const own = median(seconds);
  const spread = (Math.max(...seconds) - Math.min(...seconds)) / 2;
  return { work, seconds: own, spread, peakBytes, peers: peers.map((peer) => ({ ...peer, ratio: own / peer.seconds })) };
}

export const PROGRAM = join(process.cwd(), "dist", "xtelemdb");

export class Bench {
  readonly results: Measurement[] = [];

  constructor(
    readonly folder: string,
    private readonly rounds: number,
    private readonly say: (text: string) => void,
  ) {}

  path(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }

  /** Measures the program against its peers and keeps the result. */
  measure(work: string, own: Contender, peers: readonly Contender[]): Measurement {
    const samples = new Map<Contender, Sample[]>([own, ...peers].map((contender) => [contender, []]));
    for (let round = 0; round <= this.rounds; round++) {
      // Back and forth: what one leaves behind (a full journal, scattered free blocks) is not always met by the same other.
      const order = round % 2 === 0 ? [...samples] : [...samples].reverse();
      for (const [contender, taken] of order) {
        const sample = this.#run(contender);
        // The first round warms caches up and is not counted.
        if (round > 0) taken.push(sample);
      }
    }
    const secondsOf = (contender: Contender): number => median(samples.get(contender)?.map(({ seconds }) => seconds) ?? []);
    const peakOf = (contender: Contender): number =>
      Math.max(...(samples.get(contender)?.map(({ peakBytes }) => peakBytes) ?? []));
    const all = samples.get(own)?.map(({ seconds }) => seconds) ?? [];
    const result: Measurement = {
      work,
      seconds: secondsOf(own),
      spread: (Math.max(...all) - Math.min(...all)) / 2,
      peakBytes: peakOf(own),
      peers: peers.map((peer) => ({
        name: peer.name,
        seconds: secondsOf(peer),
        ratio: secondsOf(own) / secondsOf(peer),
        peakBytes: peakOf(peer),
      })),
    };
    return this.add(result);
  }

  /** Keeps a result. */
  add(result: Measurement): Measurement {
    this.results.push(result);
    const { work } = result;
    const ratios = result.peers.map(({ name, ratio }) => `${ratio.toFixed(2)} x ${name}`).join(", ");
    this.say(`  ${work}: ${result.seconds.toFixed(2)} s, ${Math.round(result.peakBytes / 1e6)} MB; ${ratios}`);
    return result;
  }

  #run({ name, command, prepare, codes = [0] }: Contender): Sample {
    prepare?.();
    Bun.spawnSync(["sync", "-f", this.folder]);
    const peak = this.path("peak");
    // time(1) forks from a small process: the peak of a child that is started from here would begin with this process's own.
    const begun = Bun.nanoseconds();
    const done = Bun.spawnSync(["/usr/bin/time", "-q", "-f", "%M", "-o", peak, ...command], {
      stdout: "ignore",
      stderr: "pipe",
      env: { ...process.env, XTELEMDB_CONFIG: this.path("xtelemdb.toml") },
    });
    const seconds = (Bun.nanoseconds() - begun) / 1e9;
    if (!codes.includes(done.exitCode))
      throw new Error(`${name} (${command.join(" ")}): exit code ${done.exitCode}\n${done.stderr}`);
    return { seconds, peakBytes: Number(readFileSync(peak, "utf8").trim().split("\n").at(-1)) * 1024 };
  }

  /** Writes the configuration that the program is to have. */
  declare(dataDirectory: string, replicas: readonly string[], scan = 'settle = "0s"'): void {
    for (const replica of replicas) if (!replica.includes("://")) mkdirSync(replica, { recursive: true });
    const lines = [
      'hostname = "bench"',
      `database = ${JSON.stringify(this.path("inventory.db"))}`,
      `status_file = ${JSON.stringify(this.path("status.json"))}`,
      `[scan]\nmax_loss = "100%"\n${scan}`,
      `[hosts.bench]\ndata_dirs = [${JSON.stringify(dataDirectory)}]`,
      ...replicas.map((replica) => `[replicas.${JSON.stringify(replica)}]`),
    ];
    writeFileSync(this.path("xtelemdb.toml"), `${lines.join("\n")}\n`);
  }

  /** Forgets the inventory. */
  forget(): void {
    for (const suffix of ["", "-wal", "-shm", ".lock"]) rmSync(this.path(`inventory.db${suffix}`), { force: true });
  }

  /** Runs a command that is not measured; fails when it fails. */
  must(command: readonly string[]): string {
    const done = Bun.spawnSync([...command], { env: { ...process.env, XTELEMDB_CONFIG: this.path("xtelemdb.toml") } });
    if (done.exitCode !== 0) throw new Error(`${command.join(" ")}: ${done.exitCode}\n${done.stdout}${done.stderr}`);
    return done.stdout.toString();
  }
}
