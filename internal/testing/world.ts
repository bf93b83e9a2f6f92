/** A world for one test: data directories, replicas, a configuration, an inventory, a status file, and the program to run in it. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Explanation, PlanSummary, ReplicaStatus, StatusDocument, SyncSummary } from "../agent/mod.ts";
import { asShortRun, type Outcome, programPath, type Running, type RunOptions, runProgram, start } from "./program.ts";
import { makeScratch, removeScratch, SCRATCH_VARIABLE } from "./scratch.ts";
import { runTraced, startTraced, type Traced, type TraceOptions } from "./trace.ts";
import { type FileDescription, filesOf, makeTree, readTree, type Tree } from "./tree.ts";

/** What the configuration of a world says; folders are names in the world, or absolute paths. */
export interface Declaration {
  readonly hostname?: string;
  /** Data directories by host. */
  readonly hosts?: Readonly<Record<string, readonly string[]>>;
  /** Folders, or ssh URLs. */
  readonly replicas?: readonly string[];
  /** More keys of each replica, by its name above. */
  readonly replicaKeys?: Readonly<Record<string, Readonly<Record<string, string | number | boolean | readonly string[]>>>>;
  /** More keys of each host. */
  readonly hostKeys?: Readonly<Record<string, Readonly<Record<string, string | number | boolean | readonly string[]>>>>;
  /** Keys of [scan]; `settle` is "0s" unless it is here. */
  readonly scan?: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  /** Keys at the top of the file, such as `stall_timeout`. */
  readonly top?: Readonly<Record<string, string>>;
  /** Keys of [verify]. */
  readonly verify?: Readonly<Record<string, string>>;
  /** [status] listen. */
  readonly listen?: string;
}

export const HOST = "exao1";
export const MARKER = ".xtelemdb-replica.json";

export class World {
  readonly folder = makeScratch();
  readonly configuration = join(this.folder, "xtelemdb.toml");
  readonly database = join(this.folder, "state", "inventory.db");
  readonly statusFile = join(this.folder, "status.json");
  /** The one data directory of most worlds. */
  readonly data = this.path("data");
  #options: RunOptions = { environment: { [SCRATCH_VARIABLE]: this.folder } };

  /** By default: one host with the data directory `data`, one replica `backup`, both made. */
  constructor(declaration: Declaration = {}) {
    const { hosts = { [HOST]: ["data"] }, replicas = ["backup"] } = declaration;
    for (const name of [...Object.values(hosts).flat(), ...replicas]) {
      if (!name.includes("://")) mkdirSync(this.path(name), { recursive: true });
    }
    this.declare({ hosts, replicas, ...declaration });
  }

  [Symbol.dispose](): void {
    removeScratch(this.folder);
  }

  path(name: string): string {
    return name.startsWith("/") ? name : join(this.folder, name);
  }

  /** Writes the configuration anew. Makes no folder. */
  declare(declaration: Declaration): void {
    const {
      hostname = HOST,
      hosts = { [HOST]: ["data"] },
      replicas = ["backup"],
      scan = {},
      replicaKeys = {},
      hostKeys = {},
      top = {},
      verify = {},
      listen,
    } = declaration;
    const lines = [`hostname = "${hostname}"`, `database = "${this.database}"`, `status_file = "${this.statusFile}"`];
    for (const [key, value] of Object.entries(top)) lines.push(`${key} = ${JSON.stringify(value)}`);
    if (listen !== undefined) lines.push("[status]", `listen = ${JSON.stringify(listen)}`);
    lines.push("[verify]");
    for (const [key, value] of Object.entries(verify)) lines.push(`${key} = ${JSON.stringify(value)}`);
    lines.push("[scan]");
    for (const [key, value] of Object.entries({ settle: "0s", ...scan })) lines.push(`${key} = ${JSON.stringify(value)}`);
    for (const [host, folders] of Object.entries(hosts)) {
      lines.push(`[hosts.${host}]`, `data_dirs = ${JSON.stringify(folders.map((name) => this.path(name)))}`);
      for (const [key, value] of Object.entries(hostKeys[host] ?? {})) lines.push(`${key} = ${JSON.stringify(value)}`);
    }
    for (const name of replicas) {
      lines.push(`[replicas.${JSON.stringify(name.includes("://") ? name : this.path(name))}]`);
      for (const [key, value] of Object.entries(replicaKeys[name] ?? {})) lines.push(`${key} = ${JSON.stringify(value)}`);
    }
    writeFileSync(this.configuration, `${lines.join("\n")}\n`);
  }

  /** Every later run of the program has these options. */
  runWith(options: RunOptions): void {
    this.#options = { ...options, environment: { [SCRATCH_VARIABLE]: this.folder, ...options.environment } };
  }

  files(...files: readonly FileDescription[]): void {
    makeTree(this.data, files);
  }

  /** The same in another folder of the world. */
  makeTree(folder: string, files: readonly FileDescription[]): void {
    makeTree(this.path(folder), files);
  }

  /** Where the copies of a data directory are, or the copy of one file in it. */
  copies(replica = "backup", dataDirectory = "data", host = HOST): string {
    return `${this.path(replica)}/${host}${this.path(dataDirectory)}`;
  }

  /** What the origin has, as `filesOf` says it. */
  originFiles(dataDirectory = "data"): Record<string, string> {
    return filesOf(readTree(this.path(dataDirectory)));
  }

  copiedFiles(replica = "backup", dataDirectory = "data", host = HOST): Record<string, string> {
    return filesOf(readTree(this.copies(replica, dataDirectory, host)));
  }

  tree(name: string): Tree {
    return readTree(this.path(name));
  }

  #with(given: readonly string[]): string[] {
    return [...given, "--config", this.configuration];
  }

  run(...given: readonly string[]): Promise<Outcome> {
    return runProgram(this.#with(given), this.#options);
  }

  /** Starts the program and does not wait for it. */
  start(...given: readonly string[]): Running {
    return start([programPath(), ...this.#with(given)], asShortRun(this.#options));
  }

  traced(given: readonly string[], options: TraceOptions): Promise<Traced> {
    return runTraced(this.#with(given), { ...this.#options, ...options });
  }

  startTraced(given: readonly string[], options: TraceOptions): ReturnType<typeof startTraced> {
    return startTraced(this.#with(given), { ...this.#options, ...options });
  }

  sync(): Promise<Outcome> {
    return this.run("sync");
  }

  /** Runs a sync and gives what it says of itself. */
  async syncSummary(): Promise<SyncSummary & { readonly code: number | null }> {
    const outcome = await this.run("sync", "--json");
    return { ...jsonOf<SyncSummary>(outcome), code: outcome.code };
  }

  async status(): Promise<StatusDocument> {
    return jsonOf(await this.run("status", "--json"));
  }

  async plan(): Promise<PlanSummary> {
    return jsonOf(await this.run("plan", "--json"));
  }

  async explain(path: string): Promise<Explanation> {
    return jsonOf(await this.run("explain", "--json", path));
  }

  /** What the last command left in the status file; undefined while there is none. */
  statusFromFile(): StatusDocument | undefined {
    return existsSync(this.statusFile) ? JSON.parse(readFileSync(this.statusFile, "utf8")) : undefined;
  }

  /** One replica in the status file. */
  replicaStatus(name = "backup"): ReplicaStatus {
    const url = name.includes("://") ? name : this.path(name);
    const status = this.statusFromFile();
    const replica = status?.replicas.find((one) => one.url === url);
    if (replica === undefined) throw new Error(`no replica ${url} in ${JSON.stringify(status)}`);
    return replica;
  }

  /** The reason of a replica's `Ready` condition in the status file. */
  readyReason(name = "backup"): string {
    return this.replicaStatus(name).conditions.find(({ type }) => type === "Ready")?.reason ?? "none";
  }
}

/** What a command printed as JSON; fails with everything that it said when that is none. */
export function jsonOf<Value>(outcome: Outcome): Value {
  try {
    return JSON.parse(outcome.stdout);
  } catch {
    throw new Error(`no JSON (exit code ${outcome.code}, signal ${outcome.signal}):\n${outcome.stdout}\n${outcome.stderr}`);
  }
}
