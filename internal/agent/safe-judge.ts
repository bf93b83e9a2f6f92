/** Collects files of one data directory, looks at all of their copies at once, and has each file judged. */
import { type FileOriginId, type RecordedCopy, type ReplicaId, recordedCopies, type Session } from "../inventory/mod.ts";
import {
  type CopyFacts,
  type CopyToLookAt,
  judgeSafety,
  lookAtCopies,
  type Marks,
  marksBelow,
  marksOf,
  type OriginFacts,
  originProblem,
  type ReplicaLook,
  type ReplicaToLookAt,
  replicaPathOf,
  type SafetyQuestion,
} from "../replicate/mod.ts";
import type { Sighted } from "../scan/mod.ts";
import { type Makeup, makeupAt } from "../sys/mod.ts";
import { type Fate, type Volume, volumeErrorMessage } from "../volume/mod.ts";
import { rowPath } from "./recorded-rows.ts";
import type { BlockedFile, SafeFile } from "./safe-report.ts";

type Recorded = Extract<Sighted, { readonly kind: "recorded" }>;

/** A declared replica. */
export interface JudgedReplica {
  readonly url: string;
  /** Undefined: no run has heard of it. */
  readonly row: ReplicaId | undefined;
  readonly look: ReplicaToLookAt;
}

/** Replicas that were found not to be there stay so to the end of a run: each further try may take as long as the first. */
export type NotReady = Map<string, ReplicaLook>;

export interface Judged {
  readonly safe: readonly SafeFile[];
  readonly blocked: readonly BlockedFile[];
}

export class SafeJudge {
  static readonly FILES_AT_A_TIME = 256;
  #waiting: Recorded[] = [];
  /** What devices are made of that are not those of the roots. */
  readonly #makeups = new Map<number, Makeup>();

  private constructor(
    private readonly session: Session,
    private readonly host: string,
    private readonly origin: { readonly fate: Fate; readonly device: string },
    private readonly replicas: readonly JudgedReplica[],
    private readonly question: SafetyQuestion,
    private readonly notReady: NotReady,
  ) {}

  static async make(
    session: Session,
    host: string,
    volume: Volume,
    replicas: readonly JudgedReplica[],
    question: SafetyQuestion,
    notReady: NotReady,
  ): Promise<SafeJudge> {
    return new SafeJudge(session, host, { fate: await volume.fate(), device: volume.device }, replicas, question, notReady);
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  add(file: Recorded): void {
    this.#waiting.push(file);
  }

  /** Judges what was collected. */
  async judge(): Promise<Judged> {
    const files = this.#waiting;
    this.#waiting = [];
    const rows = new Map<string, RecordedCopy>();
    const known = this.replicas.flatMap(({ row }) => (row === undefined ? [] : [row]));
    const ids = files.filter((file) => originProblem(this.#origin(file, [])) === undefined).map(({ row }) => row.id);
    for (const copy of recordedCopies(this.session, ids, known)) rows.set(`${copy.replica} ${copy.file}`, copy);
    const rowOf = (replica: JudgedReplica, file: FileOriginId) => rows.get(`${replica.row} ${file}`);
    const looks = await Promise.all(
      this.replicas.map((replica) =>
        this.#look(
          replica,
          this.#copiesAt(files, (file) => rowOf(replica, file)),
        ),
      ),
    );
    const marks = marksOf([
      { fate: this.origin.fate },
      ...looks.map((look, index) => placeOf(look, this.replicas[index]?.look.marker ?? null)),
    ]);
    const safe: SafeFile[] = [];
    const blocked: BlockedFile[] = [];
    for (const file of files) {
      const origin = this.#origin(file, marks);
      const copies = this.replicas.map((replica, index): CopyFacts => {
        const row = rowOf(replica, file.row.id);
        const look = looks[index] ?? NOT_LOOKED;
        const folder = `${replica.look.address.name}/${this.#folderOf(file.directoryPath, row)}`;
        const seen = this.#seen(look, file.row.id, folder, marks[index + 1] ?? new Set(), marks);
        return { replica: replica.url, seen, ...(row === undefined ? {} : { row }) };
      });
      const verdict = judgeSafety(origin, copies, this.question);
      const path = rowPath({ directoryPath: file.directoryPath, name: file.row.name });
      const bytes = file.row.evidence.size;
      if (verdict.kind === "safe") safe.push({ host: this.host, path, bytes });
      else {
        const { reason, message, counted } = verdict;
        blocked.push({ host: this.host, path, reason, message, files: 1, bytes, counted, copies: verdict.copies });
      }
    }
    return { safe, blocked };
  }

  async #look({ url, look }: JudgedReplica, copies: readonly CopyToLookAt[]): Promise<ReplicaLook> {
    const looked = this.notReady.get(url) ?? (await lookAtCopies(look, copies));
    if (looked.kind === "not-ready") this.notReady.set(url, looked);
    return looked;
  }

  #copiesAt(files: readonly Recorded[], rowOf: (file: FileOriginId) => RecordedCopy | undefined): CopyToLookAt[] {
    return files.flatMap(({ row: { id, name }, directoryPath }) => {
      const row = rowOf(id);
      if (row?.state !== "current") return [];
      return [{ file: id, folder: this.#folderOf(directoryPath, row), name }];
    });
  }

  #folderOf(directoryPath: string, row: RecordedCopy | undefined): string {
    return row?.place ?? replicaPathOf(this.host, directoryPath);
  }

  /** `all`: the marks of the origin's root, and of each replica's. */
  #origin({ row, now, writers, excluded, directoryPath }: Recorded, all: readonly Marks[]): OriginFacts {
    const root = all[0] ?? new Set<string>();
    const facts = { row, writers, excluded };
    if (now === undefined) return { ...facts, now, marks: root };
    if ("reason" in now) return { ...facts, now: { unreadable: volumeErrorMessage(now) }, marks: root };
    const local = this.origin.fate.parts.length > 0;
    const below = local ? this.#below(this.origin, now.device, directoryPath) : undefined;
    return { ...facts, now, marks: below === undefined ? root : marksBelow(root, below, all) };
  }

  #seen(look: ReplicaLook, file: FileOriginId, folder: string, root: Marks, all: readonly Marks[]): CopyFacts["seen"] {
    if (look.kind === "not-ready") return look;
    const copy = look.copies.get(file);
    if (copy === undefined) return { kind: "unreadable", message: "it was not looked at" };
    if (copy.kind !== "there") return copy;
    const { fate, device } = look;
    const here = device === undefined ? undefined : { fate, device: String(device) };
    const below = here && this.#below(here, copy.now.device, folder);
    const inMemory = fate.inMemory === true || below?.inMemory === true;
    return { kind: "there", now: copy.now, marks: below === undefined ? root : marksBelow(root, below, all), inMemory };
  }

  /** Where a file is that is not on its root's own device: something else is mounted there. */
  #below(root: { readonly fate: Fate; readonly device: string }, device: number, directory: string): Fate | undefined {
    if (String(device) === root.device) return undefined;
    const makeup = this.#makeups.get(device) ?? makeupAt(directory, device);
    this.#makeups.set(device, makeup);
    return { machine: root.fate.machine, ...makeup };
  }
}

const NOT_LOOKED: ReplicaLook = { kind: "not-ready", message: "it was not looked at" };

/** A replica that is not ready has no copy that counts, and its place blurs nobody's. */
const placeOf = (look: ReplicaLook, marker: string | null) => ({
  fate: look.kind === "ready" ? look.fate : { machine: "", parts: ["nowhere"] },
  ...(marker === null ? {} : { marker }),
});
