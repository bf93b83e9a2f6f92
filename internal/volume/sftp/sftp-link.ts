/**
 * The connections of one thread to one far end: opened when there is work for them, shared by all volumes there, closed when nobody has used them for a
 * while. A new one is opened in the background while the others go on.
 */
import { err, ok } from "neverthrow";
import { SftpConnection, type SftpFailure, type SftpResult } from "./sftp-connection.ts";
import { connectionKey, type SshAddress } from "./ssh-address.ts";

/** So much work on every open connection is worth another one. */
const BUSY = 48;
const IDLE_MILLISECONDS = 5_000;
const REFUSED_MILLISECONDS = 3_000;
const NO_MORE_MILLISECONDS = 60_000;

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
  #opening: Promise<SftpResult<SftpConnection>> | undefined;
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
      for (const connection of this.#connections) connection.close();
      this.#connections = [];
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
    return this.#open();
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
    if (
      best !== undefined &&
      best.load >= BUSY &&
      this.#connections.length < this.address.connections &&
      !this.#refusedLately()
    ) {
      void this.#open();
    }
    return best;
  }

  /** One more connection is not worth a storm of logins. */
  #refusedLately(): boolean {
    return this.refusal !== undefined && performance.now() - this.refusal.at < NO_MORE_MILLISECONDS;
  }

  #open(): Promise<SftpResult<SftpConnection>> {
    this.#opening ??= SftpConnection.open(this.address).then((opened) => {
      this.#opening = undefined;
      if (opened.isErr()) {
        this.refusal = { failure: opened.error, at: performance.now() };
        return err(opened.error);
      }
      this.#connections.push(opened.value);
      if (this.#users === 0) this.closeWhenIdle(0);
      return ok(opened.value);
    });
    return this.#opening;
  }
}
