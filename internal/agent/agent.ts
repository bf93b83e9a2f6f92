/**
 * What a command of the agent has in hand while it works: the desired state, the inventory (locked, as its only writer), the workers. `withAgent` makes
 * it and always puts it away again.
 */
import { availableParallelism, hostname } from "node:os";
import { errAsync, okAsync, type Result, ResultAsync } from "neverthrow";
import type { DesiredState, Host } from "../config/mod.ts";
import {
  type Declared,
  declare,
  type Inventory,
  type InventoryError,
  knownGeneration,
  moveTimes,
  openInventory,
  type ReplicaId,
} from "../inventory/mod.ts";
import type { Claims } from "../replicate/mod.ts";
import { type Clock, errnoText, machineId, setIoPriority, setNice, systemClock } from "../sys/mod.ts";
import type { AgentError } from "./agent-error.ts";
import { BrokenOffDirectories } from "./broken-off-directories.ts";
import { timeBounds } from "./clock-watch.ts";
import type { Hands } from "./hands.ts";
import { HeldUp } from "./held-up.ts";
import type { Observer } from "./observer.ts";
import type { Progress } from "./reports.ts";
import { StatusFile } from "./status-file.ts";
import { WorkerPool } from "./worker-pool.ts";

/** What a message is about, for machines; what a person is to know stands in the message. */
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export interface AgentOptions {
  /** The command line, for whoever finds the inventory locked. */
  readonly command: string;
  readonly version: string;
  /** Aborted: finish what is under way, start nothing new. */
  readonly signal: AbortSignal;
  /** Where the inventory is to lie in the end; left out where it lies there already. */
  readonly database?: string;
  readonly onProgress?: (progress: Progress) => void;
  readonly log: Log;
  readonly clock?: Clock;
  /** Of 0 up to 1; for jitter. */
  readonly random?: () => number;
  /** Is told what was done and what failed. */
  readonly observer?: Observer;
  /** Who performs the tasks; left out: threads. */
  readonly hands?: Hands;
}

export interface Agent {
  readonly state: DesiredState;
  readonly options: AgentOptions;
  readonly inventory: Inventory;
  readonly declared: Declared;
  /** At least two: while one thread waits for a disk, another works. */
  readonly processors: number;
  /** As many threads as the greediest wish of the configuration takes. */
  readonly hands: Hands;
  readonly statusFile: StatusFile;
  readonly brokenOff: BrokenOffDirectories;
  readonly heldUp: HeldUp;
  /** The file systems that this host's data directories lie on, by their paths, as they were last opened. */
  readonly devices: Map<string, string>;
  readonly clock: Clock;
  random(): number;
  /** Milliseconds since 1970, for what is recorded and shown. */
  now(): number;
  /** Milliseconds of a clock that never jumps, for intervals. */
  elapsed(): number;
}

/** Tasks a worker may hold: it has the next one before the controller has heard of the last. */
const TASKS_PER_WORKER = 2;

/** The host that this agent serves: the one of the configured name. */
export const ownHost = (state: DesiredState): DesiredState["hosts"][number] | undefined =>
  state.hosts.find((host) => host.name === state.hostname);

/** The hosts whose files this agent looks after: its own, and those that it reaches over ssh. */
export const servedHosts = (state: DesiredState): readonly Host[] =>
  state.hosts.filter((host) => host.name === state.hostname || host.address !== undefined);

/** Does what comes from other hosts come through this machine's replicas first? */
export const comesFromAfar = ({ state }: Agent): boolean => servedHosts(state).some(({ name }) => name !== state.hostname);

/** As whom this agent claims the copies of those hosts at a replica. */
export const claimsOf = ({ state, inventory, options }: Agent): Claims => ({
  claimant: {
    inventory: inventory.uuid,
    machine: machineId(),
    hostname: hostname(),
    database: options.database ?? state.database,
  },
  hosts: servedHosts(state).map(({ name }) => name),
});

/** The same for what is written to this replica: nothing is, where its volume is behind what the inventory knows. `hosts`: of all that are served, when left out. */
export function claimsToWrite(agent: Agent, replica: ReplicaId, hosts?: readonly string[]): Result<Claims, InventoryError> {
  const claims = claimsOf(agent);
  return agent.inventory
    .readNow((session) => knownGeneration(session, replica))
    .map(({ generation }) => ({
      ...claims,
      ...(generation === undefined ? {} : { generation }),
      ...(hosts === undefined ? {} : { hosts }),
    }));
}

/** The same to read copies of these hosts: those of a host that this agent does not serve were imported, and its own agent may look after them by now. */
export function claimsToRead(agent: Agent, replica: ReplicaId, hosts: readonly string[]): Result<Claims, InventoryError> {
  const { hosts: served } = claimsOf(agent);
  const ours = hosts.filter((host) => served.includes(host));
  const others = hosts.filter((host) => !served.includes(host));
  return claimsToWrite(agent, replica, ours).map((claims) => ({ ...claims, others }));
}

/** Makes the inventory's declarations those of the desired state, as far as this agent serves it. */
export function declareState(inventory: Inventory, state: DesiredState): ResultAsync<Declared, InventoryError> {
  return declare(inventory, {
    hash: state.hash,
    hosts: servedHosts(state).map(({ name, dataDirectories }) => ({ name, dataDirectories })),
    replicas: state.replicas.map((replica) => replica.id),
  });
}

/** A time that comes from a disk (a creation time, a damaged row) may be beyond what Date can show. */
export function isoTime(milliseconds: number): string {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? `${milliseconds} ms after 1970` : date.toISOString();
}

/** Before any thread is started: they inherit it. */
function stepBack({ nice, ioPriority }: DesiredState, log: Log): void {
  const niced = nice === 0 ? undefined : setNice(nice);
  const ioniced = ioPriority === "normal" ? undefined : setIoPriority(ioPriority);
  if (niced?.isErr()) log.warn(`nice = ${nice} is not possible: ${errnoText(niced.error.code)}`);
  if (ioniced?.isErr()) log.warn(`io_priority = "${ioPriority}" is not possible: ${errnoText(ioniced.error.code)}`);
}

/** Opens everything, runs `action`, and puts everything away, whatever came of it. */
export function withAgent<Value>(
  state: DesiredState,
  options: AgentOptions,
  action: (agent: Agent) => ResultAsync<Value, AgentError>,
): ResultAsync<Value, AgentError> {
  const clock = options.clock ?? systemClock;
  const now = (): number => clock.now();
  const holder = { command: options.command, pid: process.pid, hostname: state.hostname, since: isoTime(now()) };
  return openInventory(state.database, holder)
    .mapErr((error): AgentError => error)
    .andThen((inventory) => {
      stepBack(state, options.log);
      const wished = [state.scan.workers, ...state.replicas.map((replica) => replica.workers)];
      const processors = Math.max(2, availableParallelism());
      const hands = options.hands ?? workerPool(state, options, clock, Math.max(processors, ...wished));
      const statusFile = new StatusFile(state.statusFile);
      // The clock may have been set, or may never have been right, while no agent ran.
      const work = moveTimes(inventory, 0, timeBounds(now()))
        .andThen(() => declareState(inventory, state))
        .mapErr((error): AgentError => error)
        .andThen((declared) =>
          action({
            state,
            options,
            inventory,
            declared,
            processors,
            hands,
            statusFile,
            brokenOff: new BrokenOffDirectories(),
            heldUp: new HeldUp(),
            devices: new Map(),
            clock,
            random: options.random ?? Math.random,
            now,
            elapsed: () => clock.monotonicMilliseconds(),
          }),
        );
      return new ResultAsync(putAway(work, hands, inventory));
    });
}

/** The threads of a command. */
export const workerPool = (state: DesiredState, { log, observer }: AgentOptions, clock: Clock, size: number): WorkerPool =>
  new WorkerPool(state.database, {
    size,
    depth: TASKS_PER_WORKER,
    stallMilliseconds: state.stallTimeoutMilliseconds,
    clock,
    onStalled: (detail) => {
      log.error(`${detail}: it is given up, and another takes its place`);
      observer?.workerStalled();
    },
  });

async function putAway<Value>(
  work: ResultAsync<Value, AgentError>,
  hands: Hands,
  inventory: Inventory,
): Promise<Result<Value, AgentError>> {
  try {
    return await work;
  } finally {
    await hands.close();
    inventory.close();
  }
}

/** The reply a task must get; anything else is a broken worker. */
export function expectReply<Reply extends { readonly kind: string }, Kind extends Reply["kind"]>(
  reply: Reply,
  kind: Kind,
): ResultAsync<Extract<Reply, { readonly kind: Kind }>, AgentError> {
  // The kind was just compared: the tag decides the member of the union.
  if (reply.kind === kind) return okAsync(reply as Extract<Reply, { readonly kind: Kind }>);
  const detail =
    "detail" in reply && typeof reply.detail === "string" ? reply.detail : `it answered "${reply.kind}" to "${kind}"`;
  return errAsync({ kind: "worker", detail });
}
