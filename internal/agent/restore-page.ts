/** Brings one page of files back: looks at where they go, then copies group by group, each file from the best copy that is left. */
import { err, ok, type Result } from "neverthrow";
import type { Claims, FileToRestore, Overwrite, RestoreItem, RestoreLook } from "../replicate/mod.ts";
import type { VolumeAddress } from "../volume/mod.ts";
import { expectReply } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import type { Hands } from "./hands.ts";
import { rowPath } from "./recorded-rows.ts";
import type { Candidate } from "./restore-candidates.ts";
import type { RestoredFile, RestoreReason, TriedCopy } from "./restore-report.ts";

/** A group of small files; a larger file goes alone. */
const GROUP_BYTES = 64 << 20;

/** Folders that were cleaned of what an earlier run has left: so many are remembered. */
const CLEANED_FOLDERS = 10_000;

export interface PlannedRestore {
  readonly file: FileToRestore;
  readonly destination: VolumeAddress;
  /** The best first. */
  readonly candidates: readonly Candidate[];
  /** How many copies are recorded, good or not. */
  readonly copies: number;
}

export interface RestorePageOptions {
  readonly claimant: Claims["claimant"];
  readonly host: string;
  readonly overwrite: Overwrite;
  readonly dryRun: boolean;
  readonly onBytes: (files: number, bytes: number, path: string) => void;
}

interface Waiting extends PlannedRestore {
  readonly look: RestoreLook;
  /** Candidates that were not tried. */
  left: readonly Candidate[];
  readonly tried: TriedCopy[];
  /** One that was there had not what it should. */
  bad: boolean;
}

export class RestorePage {
  badCopies = 0;
  readonly #notReady = new Map<string, string>();
  readonly #cleaned = new Set<string>();

  constructor(
    private readonly hands: Hands,
    private readonly options: RestorePageOptions,
  ) {}

  /** Replicas that were needed and are not there. */
  get notReady(): TriedCopy[] {
    return [...this.#notReady].map(([replica, message]) => ({ replica, message }));
  }

  /** What became of each file; files that were not begun when the run was stopped are left out. */
  async restore(planned: readonly PlannedRestore[]): Promise<Result<readonly RestoredFile[], AgentError>> {
    const done: RestoredFile[] = [];
    let waiting: Waiting[] = [];
    for (const group of groupsOf(planned, ({ destination }) => JSON.stringify(destination))) {
      const looked = await this.#look(group, done);
      if (looked.isErr()) return err(looked.error);
      waiting.push(...looked.value);
    }
    while (waiting.length > 0) {
      const ready = waiting.filter((one) => this.#hasCandidate(one));
      for (const one of waiting) if (!ready.includes(one)) done.push(noneLeft(this.options.host, one));
      const next: Waiting[] = [];
      const groups = groupsOf(ready, ({ destination, left }) => JSON.stringify([destination, left[0]?.from.replica.id])).flatMap(
        bySize,
      );
      const results = await Promise.all(groups.map((group) => this.#copy(group, done, next)));
      for (const result of results) if (result.isErr()) return err(result.error);
      waiting = next;
    }
    return ok(done);
  }

  async #look(group: readonly PlannedRestore[], done: RestoredFile[]): Promise<Result<Waiting[], AgentError>> {
    const { overwrite, dryRun, host } = this.options;
    const [first] = group;
    if (first === undefined) return ok([]);
    const clean = dryRun ? [] : this.#uncleaned(group);
    const files = group.map(({ file }) => file);
    const request = { destination: first.destination, files, overwrite, clean, now: Date.now() / 1000 };
    const reply = await this.hands.run({ kind: "restore-look", request });
    const result =
      reply.kind === "stalled"
        ? ok({ looks: [], problem: reply.detail })
        : (await expectReply(reply, "restore-look")).map(({ result: found }) => found);
    if (result.isErr()) return err(result.error);
    const { looks, problem } = result.value;
    return ok(
      group.flatMap((one, index) => {
        const look = looks[index];
        const waiting: Waiting = { ...one, look: look ?? { kind: "free" }, left: one.candidates, tried: [], bad: false };
        if (problem !== undefined || look === undefined || look.kind === "unreadable") {
          const message = look?.kind === "unreadable" ? look.message : (problem ?? "it was not looked at");
          done.push(told(host, waiting, "left", { reason: "DestinationUnavailable", message }));
          return [];
        }
        if (look.kind === "present") done.push(told(host, waiting, "present", {}));
        else if (look.kind === "in-the-way")
          done.push(told(host, waiting, "left", { reason: "FileInTheWay", message: look.message }));
        else return [waiting];
        return [];
      }),
    );
  }

  /** Each folder is cleaned once. */
  #uncleaned(group: readonly PlannedRestore[]): string[] {
    const fresh = new Set<string>();
    for (const { file, destination } of group) {
      const key = `${destination.name} ${file.into}`;
      if (this.#cleaned.has(key)) continue;
      if (this.#cleaned.size >= CLEANED_FOLDERS) this.#cleaned.clear();
      this.#cleaned.add(key);
      fresh.add(file.into);
    }
    return [...fresh];
  }

  /** Passes over copies at replicas that are not there. */
  #hasCandidate(one: Waiting): boolean {
    for (let first = one.left[0]; first !== undefined; first = one.left[0]) {
      const message = this.#notReady.get(first.from.replica.id);
      if (message === undefined) return true;
      one.tried.push({ replica: first.from.replica.id, message });
      one.left = one.left.slice(1);
    }
    return false;
  }

  async #copy(group: readonly Waiting[], done: RestoredFile[], next: Waiting[]): Promise<Result<undefined, AgentError>> {
    const { host, claimant, dryRun, onBytes } = this.options;
    const from = group[0]?.left[0]?.from;
    const destination = group[0]?.destination;
    if (from === undefined || destination === undefined) return ok(undefined);
    const { replica, marker } = from;
    const items = group.flatMap((one) => itemOf(one) ?? []);
    // Both ends are proven to be there, and each copy is looked at.
    const only = dryRun ? { dryRun: true as const } : {};
    const task = { replica: { address: from.address, marker, claimant }, destination, items, ...only };
    const reply = await this.hands.run({ kind: "restore", group: task }, { onProgress: onBytes });
    if (reply.kind === "stalled") {
      // Which end hung is not known: nothing more is tried with this file.
      for (const one of group) done.push(told(host, one, "left", { reason: "WriteFailed", message: reply.detail }));
      return ok(undefined);
    }
    const expected = await expectReply(reply, "restore");
    if (expected.isErr()) return err(expected.error);
    const { outcomes, replicaProblem, destinationProblem } = expected.value.result;
    if (replicaProblem !== undefined) this.#notReady.set(replica.id, replicaProblem);
    const outcomeOf = new Map(outcomes.map((outcome) => [outcome.id, outcome]));
    for (const one of group) {
      const outcome = outcomeOf.get(one.file.id);
      if (outcome?.kind === "restored") done.push(told(host, one, "restored", { from: one.left[0] }));
      else if (outcome === undefined && replicaProblem !== undefined) next.push(one);
      else if (dryRun && outcome === undefined && destinationProblem === undefined)
        done.push(told(host, one, "would-restore", { from: one.left[0] }));
      else if (outcome === undefined && destinationProblem !== undefined)
        done.push(told(host, one, "left", { reason: "DestinationUnavailable", message: destinationProblem }));
      else if (outcome?.elsewhere === true) {
        this.badCopies += 1;
        one.bad = true;
        one.tried.push({ replica: replica.id, message: outcome.message });
        one.left = one.left.slice(1);
        next.push(one);
      } else if (outcome !== undefined) done.push(told(host, one, "left", { reason: "WriteFailed", message: outcome.message }));
    }
    return ok(undefined);
  }
}

function itemOf({ file, look, left }: Waiting): RestoreItem | undefined {
  const [candidate] = left;
  if (candidate === undefined) return undefined;
  const { from: _from, ...copy } = candidate;
  return { file, ...copy, ...(look.kind === "replaceable" ? { replaces: look.now } : {}) };
}

function noneLeft(host: string, one: Waiting): RestoredFile {
  const { tried, copies, bad } = one;
  const last = tried.at(-1)?.message;
  if (bad) return told(host, one, "left", { reason: "CopyUnusable", message: last ?? "" });
  if (last !== undefined) return told(host, one, "left", { reason: "ReplicaNotMounted", message: last });
  return copies > 0
    ? told(host, one, "left", { reason: "NoGoodCopy", message: "none of its copies is good and of its last version" })
    : told(host, one, "left", { reason: "NoCopy", message: "there is no copy" });
}

interface Why {
  readonly from?: Candidate | undefined;
  readonly reason?: RestoreReason;
  readonly message?: string;
}

function told(
  host: string,
  { file, destination, tried }: Waiting,
  kind: RestoredFile["kind"],
  { from, reason, message }: Why,
): RestoredFile {
  const folder = [destination.name.replace(/\/+$/, ""), file.into].filter((part) => part !== "").join("/");
  return {
    kind,
    host,
    path: rowPath(file),
    destination: `${folder}/${file.name}`,
    bytes: file.evidence.size,
    replica: from?.from.replica.id ?? null,
    proven: from?.digest !== undefined,
    reason: reason ?? null,
    message: message ?? "",
    tried,
  };
}

function groupsOf<Item>(items: readonly Item[], keyOf: (item: Item) => string): Item[][] {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push(item);
  }
  return [...groups.values()];
}

/** A group's files are written before the first gets its name: so much of them at a time. */
function bySize(group: readonly Waiting[]): Waiting[][] {
  const groups: Waiting[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const one of group) {
    const { size } = one.file.evidence;
    if (bytes + size > GROUP_BYTES) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(one);
    bytes += size;
  }
  return groups;
}
