/**
 * Writes the manifests of one replica that are due: once, at the end of a `sync`; or again and again beside the copying. A manifest that cannot be written holds up nothing: it
 * stays due, and why is told in an event.
 */
import { err, ok, type Result, ResultAsync } from "neverthrow";
import {
  commitManifests,
  type DueManifest,
  dueManifests,
  type ManifestPatience,
  nextManifestAt,
  recordEvent,
} from "../inventory/mod.ts";
import { printable } from "../sys/mod.ts";
import { type Agent, claimsOf, expectReply } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import { Alarm } from "./alarm.ts";
import type { ReadyReplica } from "./pass-options.ts";
import { replicaSubject } from "./status.ts";
import { addressOf } from "./volume-address.ts";

/** At the end of a `sync` everything is written, but for large manifests that were written a moment ago. */
const AT_THE_END: ManifestPatience = { gather: 0, quiet: 0 };
/** While files are copied, a power cut costs the manifests of the last moments. */
const BESIDE: ManifestPatience = { gather: 10_000, quiet: 10_000 };
/** One flush serves so many. */
const AT_ONCE = 512;
/** One thread writes so many. */
const FEW = 16;
/** How often it is asked, while copies are made, whether anything is due. */
const LOOK_WHILE_COPYING = 10_000;
const AGAIN_AFTER_FAILURE = 60_000;

/** Writes what is due; false when not all of it could be written. */
export async function writeDueManifests(
  agent: Agent,
  ready: ReadyReplica,
  patience: ManifestPatience = AT_THE_END,
): Promise<Result<boolean, AgentError>> {
  const { inventory, options } = agent;
  const { id } = ready.row;
  let after = 0;
  while (!options.signal.aborted) {
    const due = inventory.readNow((session) => dueManifests(session, id, agent.now(), patience, after, AT_ONCE));
    if (due.isErr()) return err(due.error);
    const last = due.value.at(-1);
    if (last === undefined) return ok(true);
    after = last.directory;
    const tasks = shared(due.value, agent.processors).map((some) => new ResultAsync(writeSome(agent, ready, some)));
    const written = await ResultAsync.combine(tasks);
    if (written.isErr()) return err(written.error);
    if (written.value.includes(false)) return ok(false);
  }
  return ok(true);
}

/** Equal shares, in turn. A few are not worth the sharing. */
function shared(due: readonly DueManifest[], shares: number): DueManifest[][] {
  const parts = Math.min(shares, Math.ceil(due.length / FEW));
  return Array.from({ length: parts }, (_, part) => due.filter((_one, index) => index % parts === part));
}

async function writeSome(
  agent: Agent,
  { replica, row, found }: ReadyReplica,
  manifests: readonly DueManifest[],
): Promise<Result<boolean, AgentError>> {
  const claims = { claimant: claimsOf(agent).claimant, hosts: [...new Set(manifests.map(({ host }) => host))] };
  const { reserveBytes } = replica;
  const where = { id: row.id, address: addressOf(replica), marker: found.marker, claims, reserveBytes };
  const at = agent.now();
  const reply = await agent.hands.run({ kind: "write-manifests", request: { replica: where, manifests, at } });
  if (reply.kind === "stalled") return tell(agent, replica.id, reply.detail);
  const answered = await expectReply(reply, "write-manifests");
  if (answered.isErr()) return err(answered.error);
  const { written, failure, problem } = answered.value.result;
  const committed = await commitManifests(agent.inventory, row.id, written, agent.now());
  if (committed.isErr()) return err(committed.error);
  const why = problem?.message ?? failure;
  return why === undefined ? ok(true) : tell(agent, replica.id, why);
}

async function tell({ inventory, options, now }: Agent, url: string, why: string): Promise<Result<boolean, AgentError>> {
  const message = `manifests could not be written: ${why}`;
  options.log.warn(`${printable(url)}: ${message}`);
  const event = { subject: replicaSubject(url), severity: "warning", reason: "ManifestNotWritten", message } as const;
  const recorded = await recordEvent(inventory, event, now());
  return recorded.isErr() ? err(recorded.error) : ok(false);
}

export interface ManifestKeeperEnvironment {
  readonly agent: () => Agent;
  readonly signal: AbortSignal;
  /** The replica, while it is there. */
  readonly ready: () => ReadyReplica | undefined;
  /** Copies are being made: more may be due at any moment. */
  readonly isCopying: () => boolean;
  readonly onBroken: (error: AgentError) => void;
}

/** The same for a replica that is looked after for ever. While nothing is due it waits to be woken, and asks nothing. */
export class ManifestKeeper {
  readonly #alarm: Alarm;
  #notBefore = 0;

  constructor(private readonly environment: ManifestKeeperEnvironment) {
    this.#alarm = new Alarm(environment.agent().clock, environment.signal);
  }

  /** Something may be due. */
  wake(): void {
    this.#alarm.ring();
  }

  async run(): Promise<void> {
    const { agent, signal, onBroken } = this.environment;
    while (!signal.aborted) {
      const ready = this.environment.ready();
      if (ready !== undefined && agent().elapsed() >= this.#notBefore) {
        const done = await writeDueManifests(agent(), ready, BESIDE);
        if (done.isErr()) return onBroken(done.error);
        if (!done.value) this.#notBefore = agent().elapsed() + AGAIN_AFTER_FAILURE;
      }
      if (!signal.aborted) await this.#alarm.wait(this.#nextAt());
    }
  }

  #nextAt(): number {
    const agent = this.environment.agent();
    const ready = this.environment.ready();
    if (ready === undefined) return Number.POSITIVE_INFINITY;
    const now = agent.now();
    const elapsed = agent.elapsed();
    const next = agent.inventory.readNow((session) => nextManifestAt(session, ready.row.id, now, BESIDE)).unwrapOr(undefined);
    const due = next === undefined ? Number.POSITIVE_INFINITY : elapsed + Math.max(1, next - now);
    const look = this.environment.isCopying() ? elapsed + LOOK_WHILE_COPYING : Number.POSITIVE_INFINITY;
    return Math.max(this.#notBefore, Math.min(due, look));
  }
}
