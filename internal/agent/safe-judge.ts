/** Collects files of one data directory, looks at all of their copies at once, and has each file judged. */
import { type FileOriginId, type RecordedCopy, type ReplicaId, recordedCopies, type Session } from "../inventory/mod.ts";
import {
  type CopyFacts,
  type CopyToLookAt,
  judgeSafety,
  lookAtCopies,
  type Marks,
  marksOf,
  type OriginFacts,
  originProblem,
  type ReplicaLook,
  type ReplicaToLookAt,
  replicaPathOf,
  type SafetyQuestion,
} from "../replicate/mod.ts";
import type { Sighted } from "../scan/mod.ts";
import { partsOfDevice } from "../sys/mod.ts";
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
  /** What a file on another device than its root has in common with others. */
  readonly #partsOf = new Map<number, readonly string[]>();

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
    const ids = files.filter((file) => originProblem(this.#origin(file, new Set())) === undefined).map(({ row }) => row.id);
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
    const [originMarks = new Set<string>(), ...replicaMarks] = marksOf([
      { fate: this.origin.fate },
      ...looks.map((look, index) => placeOf(look, this.replicas[index]?.look.marker ?? null)),
    ]);
    const safe: SafeFile[] = [];
    const blocked: BlockedFile[] = [];
    for (const file of files) {
      const origin = this.#origin(file, originMarks);
      const copies = this.replicas.map((replica, index): CopyFacts => {
        const row = rowOf(replica, file.row.id);
        const look = looks[index] ?? NOT_LOOKED;
        const seen = this.#seen(look, file.row.id, replicaMarks[index] ?? new Set());
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
      return [{ file: id, folder: row.place ?? replicaPathOf(this.host, directoryPath), name }];
    });
  }

  #origin({ row, now, writers, excluded }: Recorded, root: Marks): OriginFacts {
    const facts = { row, writers, excluded };
    if (now === undefined) return { ...facts, now, marks: root };
    if ("reason" in now) return { ...facts, now: { unreadable: volumeErrorMessage(now) }, marks: root };
    const local = this.origin.fate.parts.length > 0;
    return { ...facts, now, marks: local ? this.#marksAt(root, this.origin, now.device) : root };
  }

  #seen(look: ReplicaLook, file: FileOriginId, root: Marks): CopyFacts["seen"] {
    if (look.kind === "not-ready") return look;
    const copy = look.copies.get(file);
    if (copy === undefined) return { kind: "unreadable", message: "it was not looked at" };
    if (copy.kind !== "there") return copy;
    const { fate, device } = look;
    const marks = device === undefined ? root : this.#marksAt(root, { fate, device: String(device) }, copy.now.device);
    return { kind: "there", now: copy.now, marks };
  }

  /** Something else may be mounted below a root: what is there belongs to both. */
  #marksAt(root: Marks, of: { readonly fate: Fate; readonly device: string }, device: number): Marks {
    if (String(device) === of.device) return root;
    const parts = this.#partsOf.get(device) ?? partsOfDevice(device);
    this.#partsOf.set(device, parts);
    return new Set([...root, ...parts.map((part) => `${of.fate.machine}: ${part}`)]);
  }
}

const NOT_LOOKED: ReplicaLook = { kind: "not-ready", message: "it was not looked at" };

/** A replica that is not ready has no copy that counts, and its place blurs nobody's. */
const placeOf = (look: ReplicaLook, marker: string | null) => ({
  fate: look.kind === "ready" ? look.fate : { machine: "", parts: ["nowhere"] },
  ...(marker === null ? {} : { marker }),
});
