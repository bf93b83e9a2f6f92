/**
 * What the service manager (systemd) is told of the agent: that it is ready, what it does, that it reloads, stops, is alive (sd_notify(3),
 * systemd.service(5)).
 *
 * Promises: does nothing where nobody listens (no $NOTIFY_SOCKET); a manager that cannot be reached is logged once.
 * Never: ends the agent, or holds it up for more than a second; says that the agent is alive by itself: whoever knows that calls `alive`.
 */
import { errnoText, monotonicNanoseconds, NOTIFY_MESSAGE_BYTES, printable, sendDatagram } from "../sys/mod.ts";
import type { Log } from "./agent.ts";

/** A timer counts milliseconds in 31 bits (setTimeout). */
const MAX_MILLISECONDS = 2 ** 31 - 1;
const STATUS = "STATUS=";

export class ServiceManager {
  #told = "";
  #complained = false;

  private constructor(
    private readonly socket: string | undefined,
    /** Half of what systemd allows between two calls of `alive`; undefined when it does not watch this process. */
    readonly watchdogMilliseconds: number | undefined,
    private readonly log: Log,
  ) {}

  /** A manager that does nothing when NOTIFY_SOCKET is not set. Takes NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID from the variables given. */
  static of(variables: Readonly<Record<string, string | undefined>>, log: Log): ServiceManager {
    const socket = variables.NOTIFY_SOCKET || undefined;
    return new ServiceManager(socket, socket === undefined ? undefined : watchdogOf(variables), log);
  }

  /** The agent has started, or has finished to reload. */
  ready(): void {
    this.#send("READY=1");
  }

  /** What the agent does, in one line, for `systemctl status`. Sent when it is another text than the last. */
  status(text: string): void {
    if (text === this.#told) return;
    this.#told = text;
    this.#send(statusLine(text));
  }

  /** The agent begins to read its configuration again; `ready` ends it. */
  reloading(): void {
    // Without the time, or with one that is not the system's, the manager takes the reload for another one.
    this.#send(`RELOADING=1\nMONOTONIC_USEC=${monotonicNanoseconds() / 1_000n}`);
  }

  /** The agent ends now: it finishes what is under way. */
  stopping(): void {
    this.#send("STOPPING=1");
  }

  /** The agent is alive; to be called every `watchdogMilliseconds`. */
  alive(): void {
    this.#send("WATCHDOG=1");
  }

  #send(message: string): void {
    if (this.socket === undefined) return;
    const sent = sendDatagram(this.socket, message);
    if (sent.isOk() || this.#complained) return;
    this.#complained = true;
    this.log.warn(
      `the service manager cannot be told at ${printable(this.socket)} (NOTIFY_SOCKET): ${errnoText(sent.error.code)}; this is said once`,
    );
  }
}

/** As sd_watchdog_enabled(3): a WATCHDOG_PID that is another process means another process. */
function watchdogOf({ WATCHDOG_USEC, WATCHDOG_PID }: Readonly<Record<string, string | undefined>>): number | undefined {
  if (!/^\d+$/.test(WATCHDOG_USEC ?? "") || (WATCHDOG_PID && WATCHDOG_PID !== String(process.pid))) return undefined;
  const microseconds = Number(WATCHDOG_USEC);
  return microseconds === 0 ? undefined : Math.min(MAX_MILLISECONDS, Math.max(1, Math.floor(microseconds / 2_000)));
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is for
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;

/** A line break would begin another field, and a message that is too long would be lost: the text is cut between two characters. */
function statusLine(text: string): string {
  const bytes = new Uint8Array(NOTIFY_MESSAGE_BYTES - STATUS.length);
  const { written } = new TextEncoder().encodeInto(text.replaceAll(CONTROLS, " "), bytes);
  return STATUS + new TextDecoder().decode(bytes.subarray(0, written));
}
