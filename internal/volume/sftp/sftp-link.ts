/**
 * The connections of one thread to one far end: opened when there is work for them, shared by all volumes there, closed when nobody has used them for a
 * while. A new one is opened in the background while the others go on.
 */
import { err, ok } from "neverthrow";
import { SftpConnection, type SftpFailure, type SftpResult } from "./sftp-connection.ts";
import { connectionKey, type SshAddress } from "./ssh-address.ts";
import { isDroppedLogin } from "./ssh-failure.ts";

/** So much work on every open connection is worth another one. */
const BUSY = 48;
const IDLE_MILLISECONDS = 5_000;
const REFUSED_MILLISECONDS = 3_000;
const NO_MORE_MILLISECONDS = 60_000;

/** Login attempts that an sshd may drop for having too many at a time; between them somewhat different waits, or all would knock together again. */
const LOGINS = 3;
const AGAIN_MILLISECONDS = 300;

/** From this size on a file keeps a connection busy by itself. */
const LARGE_BYTES = 4 << 20;

export const isLarge = (size: number): boolean => size >= LARGE_BYTES;

const links = new Map<string, SftpLink>();

/** The link of this thread for an address. */
export function linkTo(address: SshAddress): SftpLink {
  const key = connectionKey(address);
  const known = links.get(key);
  if (known !== undefined) return known;
  const link = new SftpLink(address);
  links.set(key, link);
  return link;
}

/** Closes every connection of this thread that nobody uses: for a program that ends. */
export function closeIdleConnections(): void {
  for (const link of links.values()) link.closeWhenIdle(0);
}

export class SftpLink {
  #connections: SftpConnection[] = [];
  readonly #opening = new Set<Promise<SftpResult<SftpConnection>>>();
  #users = 0;
  private refusal: { readonly failure: SftpFailure; readonly at: number } | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Owners ("uid:gid") that this login could, or could not, give files to. */
  readonly owners = new Map<string, boolean>();

  constructor(private readonly address: SshAddress) {}

  /** A volume uses the link until `release`. */
  use(): void {
    this.#users += 1;
    clearTimeout(this.#timer);
  }

  release(): void {
    this.#users -= 1;
    this.closeWhenIdle(IDLE_MILLISECONDS);
  }

  closeWhenIdle(milliseconds: number): void {
    if (this.#users > 0) return;
    clearTimeout(this.#timer);
    const close = (): void => {
      for (const connection of this.#connections) void connection.close();
      this.#connections = [];
      // Who begins anew asks anew.
      this.refusal = undefined;
    };
    if (milliseconds === 0) close();
    else {
      this.#timer = setTimeout(close, milliseconds);
      this.#timer.unref();
    }
  }

  /** The least busy connection; the first is waited for, more are opened behind the work. */
  async connection(): Promise<SftpResult<SftpConnection>> {
    const best = this.available();
    if (best !== undefined) return ok(best);
    // Who was refused a moment ago is refused still: thousands of files must not knock one by one.
    const { refusal } = this;
    if (refusal !== undefined && performance.now() - refusal.at < REFUSED_MILLISECONDS) return err(refusal.failure);
    for (const opening of this.#opening) return opening;
    return this.#open();
  }

  /**
   * For a large file, which stays on its connection: one connection carries only so much over a long way (a window of bytes in each round trip), so there is one for each
   * large file while the address allows more. The answer counts as having one more large file, until the caller takes that back.
   */
  async forLargeFile(): Promise<SftpResult<SftpConnection>> {
    const some = await this.connection();
    if (some.isErr()) return some;
    if ((this.#leastLarge()?.largeFiles ?? 1) > 0) {
      if (this.#mayOpenMore()) await this.#open();
      else await Promise.all(this.#opening);
    }
    const best = this.#leastLarge() ?? some.value;
    best.largeFiles += 1;
    return ok(best);
  }

  #leastLarge(): SftpConnection | undefined {
    return this.#connections
      .filter(({ broken }) => !broken)
      .reduce<SftpConnection | undefined>(
        (best, next) => (best !== undefined && best.largeFiles <= next.largeFiles ? best : next),
        undefined,
      );
  }

  /** The same, where one is open. */
  available(): SftpConnection | undefined {
    let best: SftpConnection | undefined;
    let broken = false;
    for (const connection of this.#connections) {
      if (connection.broken) broken = true;
      else if (best === undefined || connection.load < best.load) best = connection;
    }
    if (broken) this.#connections = this.#connections.filter((connection) => !connection.broken);
    // One more at a time: small files come and go while it is being opened.
    if (best !== undefined && best.load >= BUSY && this.#opening.size === 0 && this.#mayOpenMore()) void this.#open();
    return best;
  }

  #mayOpenMore(): boolean {
    return this.#connections.length + this.#opening.size < this.address.connections && !this.#refusedLately();
  }

  /** One more connection is not worth a storm of logins. */
  #refusedLately(): boolean {
    return this.refusal !== undefined && performance.now() - this.refusal.at < NO_MORE_MILLISECONDS;
  }

  #open(): Promise<SftpResult<SftpConnection>> {
    const opening = this.#login().then((opened) => {
      this.#opening.delete(opening);
      if (opened.isErr()) {
        this.refusal = { failure: opened.error, at: performance.now() };
        return err(opened.error);
      }
      this.#connections.push(opened.value);
      if (this.#users === 0) this.closeWhenIdle(0);
      return ok(opened.value);
    });
    this.#opening.add(opening);
    return opening;
  }

  async #login(): Promise<SftpResult<SftpConnection>> {
    for (let left = LOGINS - 1; ; left--) {
      const opened = await SftpConnection.open(this.address);
      if (opened.isOk() || left === 0 || !isDroppedLogin(opened.error.words)) return opened;
      await Bun.sleep(AGAIN_MILLISECONDS * (0.5 + Math.random()));
    }
  }
}
