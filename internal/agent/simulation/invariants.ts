/** What must be so at any moment when everybody waits, whatever has happened: the laws, as far as they can be seen from outside. */
import { createHash } from "node:crypto";
import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { copiesOf, type FileReplica, findFileOrigins, type Session } from "../../inventory/mod.ts";
import type { ConditionStatusDocument, StatusDocument } from "../status-document.ts";
import { type Destinations, REPLICAS, type ReplicaName } from "./destinations.ts";
import type { FileHistory, Instrument } from "./instrument.ts";

const HOST = "exao1";

const isOurs = (name: string): boolean => name.startsWith(".xtelemdb-");

/** Every file below a folder, by its path there. */
export function filesBelow(folder: string, prefix = ""): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(join(folder, entry.name), `${prefix}${entry.name}/`) : [`${prefix}${entry.name}`],
  );
}

const sha256 = (content: Buffer): string => createHash("sha256").update(content).digest("hex");

export class Invariants {
  /** What has been seen under a final name may change, and never goes. */
  readonly #published = new Map<ReplicaName, Set<string>>(REPLICAS.map((name) => [name, new Set()]));
  readonly #transitions = new Map<string, { status: string; at: string }>();
  /** By the wall clock, in whole seconds, as the times that are shown. */
  #lookedAt = 0;
  /** Files of somebody else at a replica, with their content. */
  readonly foreign = new Map<string, string>();

  constructor(
    private readonly instrument: Instrument,
    private readonly destinations: Destinations,
  ) {}

  /** Everything that is wrong. `session`, `status`: left out while no agent runs. `now`: milliseconds of the wall clock. */
  problems(session: Session | undefined, status: StatusDocument | undefined, now: number): string[] {
    const found = [...this.instrument.problems(), ...REPLICAS.flatMap((name) => this.#contents(name))];
    if (this.destinations.strayFiles()) found.push("something was written where the disk is not");
    if (session !== undefined) for (const file of this.instrument.files.values()) found.push(...this.#rows(session, file));
    if (status !== undefined) found.push(...this.#conditions(status));
    this.#lookedAt = Math.floor(now / 1000) * 1000;
    return found;
  }

  /** Where the copy of a file is. */
  copyOf(name: ReplicaName, file: FileHistory): string {
    return join(this.destinations.volumeOf(name), HOST, this.instrument.folder, file.name);
  }

  /** Laws 1 and 3: whole contents under final names, and nothing that was there is gone. */
  #contents(name: ReplicaName): string[] {
    const found: string[] = [];
    const root = join(this.destinations.volumeOf(name), HOST, this.instrument.folder);
    const published = this.#published.get(name) ?? new Set();
    const files = filesBelow(root).filter((path) => !isOurs(path.slice(path.lastIndexOf("/") + 1)));
    for (const path of files) {
      published.add(path);
      const copy = join(root, path);
      const content = readFileSync(copy);
      const foreign = this.foreign.get(copy.replace(`${root}/`, `${name}/`));
      if (foreign !== undefined) {
        if (content.toString() !== foreign) found.push(`${name}: somebody else's file ${path} was changed`);
        continue;
      }
      const history = this.instrument.files.get(path);
      if (history === undefined) found.push(`${name}: ${path} is a copy of nothing`);
      else if (!history.contents.some((one) => one.equals(content))) found.push(`${name}: ${path} is torn`);
    }
    for (const path of published) if (!existsSync(join(root, path))) found.push(`${name}: ${path} is gone`);
    return found;
  }

  /** Laws 2, 4 and 5: rows are true by content, and nothing is absent that was never gone. */
  #rows(session: Session, file: FileHistory): string[] {
    const [origin] = findFileOrigins(session, `${this.instrument.folder}/${file.name}`);
    if (origin === undefined) return [];
    const found = origin.state === "absent" && !file.wasGone ? [`${file.name} is absent, and never was gone`] : [];
    for (const copy of copiesOf(session, origin.id)) found.push(...this.#row(file, copy));
    return found;
  }

  #row(file: FileHistory, { url, state, evidence, digest }: FileReplica): string[] {
    const name = REPLICAS.find((one) => this.destinations.idOf(one) === url);
    if (name === undefined) return [`${file.name} has a copy at ${url}`];
    const path = this.copyOf(name, file);
    if (!existsSync(path)) return [`${name}: ${file.name} is recorded as ${state}, and is not there`];
    if (state !== "current" && state !== "stale") return [`${name}: ${file.name} is ${state}`];
    const content = readFileSync(path);
    const recorded = digest === undefined ? "" : Buffer.from(digest.bytes).toString("hex");
    if (sha256(content) !== recorded || content.length !== evidence.size) {
      // A newer copy, whose agent was killed before it could record it, is adopted by the next.
      const unrecorded = state === "stale" || file.contents.at(-1)?.equals(content) === true;
      return unrecorded ? [] : [`${name}: ${file.name} is recorded as ${state} with other contents`];
    }
    if (state === "current" && Math.abs(statSync(path).mtimeMs / 1000 - evidence.mtimeSeconds) > 1)
      return [`${name}: ${file.name} has another time than its row`];
    return [];
  }

  #conditions(status: StatusDocument): string[] {
    const found = check("agent", status.conditions, status);
    for (const host of status.hosts) {
      for (const { path, conditions } of host.dataDirectories) found.push(...check(path, conditions, status));
    }
    for (const replica of status.replicas) {
      found.push(...check(replica.url, replica.conditions, status));
      const ready = replica.conditions.find(({ type }) => type === "Ready");
      if (replica.declared && replica.pending.files > 0 && ready?.status === "True" && ready.reason === "Converged")
        found.push(`${replica.url} is ready and converged with ${replica.pending.files} files pending`);
      for (const condition of replica.conditions) found.push(...this.#transition(replica.url, condition));
    }
    return found;
  }

  /** A time of transition moves whenever the status does, and lies after the last look then. It may move unseen: what was lost and came back between two looks. */
  #transition(subject: string, { type, status, lastTransition }: ConditionStatusDocument): string[] {
    const key = `${subject} ${type}`;
    const before = this.#transitions.get(key);
    this.#transitions.set(key, { status, at: lastTransition });
    if (before === undefined) return [];
    if (before.at === lastTransition)
      return before.status === status ? [] : [`${key}: it is ${status} now, but its transition stayed at ${lastTransition}`];
    return Date.parse(lastTransition) < this.#lookedAt
      ? [`${key}: its transition became ${lastTransition}, which is before the last look`]
      : [];
  }

  /** Times of before and after the setting of a clock are not to be compared; a condition that went away may come back. */
  forgetTransitions(): void {
    this.#transitions.clear();
  }
}

function check(subject: string, conditions: readonly ConditionStatusDocument[], status: StatusDocument): string[] {
  const isTrue = (type: string): boolean => conditions.some((one) => one.type === type && one.status === "True");
  const found: string[] = [];
  if (isTrue("Ready") && isTrue("Stalled")) found.push(`${subject} is ready and stalled`);
  for (const { type, reason, observedGeneration } of conditions) {
    if (reason === "") found.push(`${subject}: ${type} has no reason`);
    if (observedGeneration > status.configuration.generation) found.push(`${subject}: ${type} is from the future`);
  }
  return found;
}

/** Temporary files that are still there. */
export const temporaryFiles = (folder: string): string[] =>
  filesBelow(folder).filter(
    (path) => /\.xtelemdb-[0-9a-f]{16}(-[0-9a-f]{8})?\.part(ial)?$/.test(path) && lstatSync(join(folder, path)).isFile(),
  );
