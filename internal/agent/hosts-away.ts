/**
 * Origin hosts that cannot be reached. Nothing is copied from one until a login has come through; only the loops of its data directories knock, later and later, up to the scan
 * interval.
 *
 * Promises: a host that is back is told of at once. One that lets in, and breaks off as soon as something is asked of it, is not asked again before its time, and each time it is
 * left alone for longer.
 */
import { backoffMilliseconds } from "../replicate/mod.ts";
import type { Agent } from "./agent.ts";

interface Way {
  /** Failures in a row. */
  readonly attempts: number;
  readonly isAway: boolean;
  /** When that became so, by the clock that never jumps. */
  readonly since: number;
  /** When somebody knocks again. */
  readonly retryAt: number;
  /** A login says nothing before it is time: it was not the login that failed. */
  readonly brokeOff: boolean;
}

/** What is told when its host is away, or back. */
interface OriginLoop {
  readonly dataDirectory: { readonly hostName: string };
  hostChanged(): void;
}

export class HostsAway {
  readonly #ways = new Map<string, Way>();
  #changes = 0;

  constructor(
    private readonly agent: () => Agent,
    private readonly origins: { readonly loops: readonly OriginLoop[] },
    private readonly replicas: { readonly loops: readonly { wake(whole: boolean): void }[] },
  ) {}

  /** Grows whenever a host is away that was not, or is back. */
  get changes(): number {
    return this.#changes;
  }

  isAway(host: string): boolean {
    return this.#ways.get(host)?.isAway === true;
  }

  /** When it is time to knock at a host that is away, by the clock that never jumps; undefined when it is not away. */
  retryAt(host: string): number | undefined {
    const way = this.#ways.get(host);
    return way?.isAway === true ? way.retryAt : undefined;
  }

  /** The way there failed. `begun`: what was tried before the last that is known says nothing new. `brokeOff`: a login had come through. */
  lost(host: string, begun: number, brokeOff: boolean): void {
    const known = this.#ways.get(host);
    if (known !== undefined && begun < known.since) return;
    const agent = this.agent();
    const attempts = (known?.attempts ?? 0) + 1;
    const wait = Math.min(agent.state.scan.intervalMilliseconds, backoffMilliseconds(attempts, agent.random()));
    const since = agent.elapsed();
    this.#ways.set(host, { attempts, isAway: true, since, retryAt: since + wait, brokeOff });
    if (known?.isAway !== true) this.#changes += 1;
    this.#tell(host);
  }

  /** A login has come through. */
  reached(host: string): void {
    const way = this.#ways.get(host);
    if (way?.isAway !== true) return;
    const since = this.agent().elapsed();
    if (way.brokeOff && since < way.retryAt) return;
    if (way.brokeOff) this.#ways.set(host, { ...way, isAway: false, since });
    else this.#ways.delete(host);
    this.#changes += 1;
    this.#tell(host);
    for (const loop of this.replicas.loops) loop.wake(true);
  }

  #tell(host: string): void {
    for (const loop of this.origins.loops) if (loop.dataDirectory.hostName === host) loop.hostChanged();
  }

  /** It has given a file: all is well with it. */
  served(host: string): void {
    if (!this.isAway(host)) this.#ways.delete(host);
  }
}
