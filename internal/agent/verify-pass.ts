/**
 * Looks at the copies of one replica, group after group. Groups are read side by side and committed in their order, so that a round that is broken off, or killed,
 * goes on where it was.
 */
import { err, ok, type Result } from "neverthrow";
import { beginRound, type CopyToVerify, endRound, nextCopies, readRound, type VerifyScope } from "../inventory/mod.ts";
import type { ReplicaProblem, VerifyLevel } from "../replicate/mod.ts";
import type { Agent } from "./agent.ts";
import type { AgentError } from "./agent-error.ts";
import { type AskedGroup, askToVerify, commitVerified, type VerifyTarget } from "./verify-group.ts";
import { VerifyTotals } from "./verify-totals.ts";

const GROUP = { files: 1_024, bytes: 64 << 20, directories: 200 };
const PROGRESS_EVERY_MILLISECONDS = 200;

export interface VerifyPassOptions {
  readonly level: VerifyLevel;
  readonly scope: VerifyScope;
  /** Begin with the first copy, wherever the round under way is. */
  readonly anew: boolean;
  /** Groups that are read side by side. */
  readonly parallel: number;
  /** The share of what was looked at that may be gone. */
  readonly maxLoss: number;
  /** What there is to look at, where that is known. */
  readonly total: { readonly files: number; readonly bytes: number } | undefined;
}

export interface VerifyPassResult {
  readonly totals: VerifyTotals;
  /** Every copy in question was looked at. */
  readonly complete: boolean;
  readonly problem?: ReplicaProblem;
  readonly frozen?: string;
}

export class VerifyPass {
  readonly #totals = new VerifyTotals();
  readonly #begun: number;
  readonly #onTheWay = new Map<readonly CopyToVerify[], { files: number; bytes: number; path: string }>();
  #progressAt = 0;

  constructor(
    private readonly agent: Agent,
    private readonly target: VerifyTarget,
    private readonly options: VerifyPassOptions,
  ) {
    this.#begun = agent.elapsed();
  }

  /** Contents of all copies: that is a round. */
  get #inRound(): boolean {
    const { level, scope } = this.options;
    return level === "content" && scope.host === undefined && scope.path === undefined && scope.undigested === undefined;
  }

  async run(): Promise<Result<VerifyPassResult, AgentError>> {
    const from = await this.#begin();
    if (from.isErr()) return err(from.error);
    const { agent, target, options } = this;
    const running: Promise<Result<AskedGroup, AgentError>>[] = [];
    let after = from.value;
    // Only contents can take a verdict back.
    const scope = options.level === "content" ? { ...options.scope, judged: true as const } : options.scope;
    let ended = false;
    for (;;) {
      while (!ended && !agent.options.signal.aborted && running.length < options.parallel) {
        const page = agent.inventory.readNow((session) => nextCopies(session, target.row.id, after, scope, GROUP));
        if (page.isErr()) return err(page.error);
        const last = page.value.at(-1);
        if (last === undefined) ended = true;
        else {
          after = last.id;
          running.push(this.#ask(page.value));
        }
      }
      const asked = await running.shift();
      if (asked === undefined) return this.#end(ended);
      if (asked.isErr()) return err(asked.error);
      const settings = { inRound: this.#inRound, maxLoss: options.maxLoss };
      const committed = await commitVerified(agent, target, asked.value, this.#totals, settings);
      if (committed.isErr()) return err(committed.error);
      const { problem } = asked.value;
      const { frozen, isWhole } = committed.value;
      if (problem === undefined && frozen === undefined && isWhole) continue;
      // What is on its way is left: it is looked at again when somebody goes on.
      await Promise.all(running);
      const why = { ...(problem === undefined ? {} : { problem }), ...(frozen === undefined ? {} : { frozen }) };
      return ok({ totals: this.#totals, complete: false, ...why });
    }
  }

  /** Where to begin; a round that is under way goes on. */
  async #begin(): Promise<Result<number, AgentError>> {
    if (!this.#inRound) return ok(0);
    const { inventory, now } = this.agent;
    const { id } = this.target.row;
    const round = inventory.readNow((session) => readRound(session, id));
    if (round.isErr()) return err(round.error);
    if (round.value.begunAt !== null && !this.options.anew) return ok(round.value.position);
    return (await beginRound(inventory, id, now())).map(() => 0);
  }

  async #end(ended: boolean): Promise<Result<VerifyPassResult, AgentError>> {
    if (ended && this.#inRound) {
      const done = await endRound(this.agent.inventory, this.target.row.id);
      if (done.isErr()) return err(done.error);
    }
    return ok({ totals: this.#totals, complete: ended });
  }

  async #ask(copies: readonly CopyToVerify[]): Promise<Result<AskedGroup, AgentError>> {
    const how = { level: this.options.level, background: false };
    const asked = await askToVerify(this.agent, this.target, copies, how, (files, bytes, path) => {
      this.#onTheWay.set(copies, { files, bytes, path });
      this.#progress();
    });
    this.#onTheWay.delete(copies);
    return asked;
  }

  #progress(): void {
    const elapsedMilliseconds = this.agent.elapsed() - this.#begun;
    if (elapsedMilliseconds - this.#progressAt < PROGRESS_EVERY_MILLISECONDS) return;
    this.#progressAt = elapsedMilliseconds;
    const { looked } = this.#totals;
    const groups = [...this.#onTheWay.values()];
    const { total } = this.options;
    this.agent.options.onProgress?.({
      phase: "verifying",
      subject: this.target.replica.id,
      current: groups.map(({ path }) => path),
      files: groups.reduce((sum, { files }) => sum + files, looked.files),
      bytes: groups.reduce((sum, { bytes }) => sum + bytes, looked.bytes),
      totalFiles: total?.files ?? null,
      totalBytes: this.options.level === "content" ? (total?.bytes ?? null) : null,
      elapsedMilliseconds,
    });
  }
}
