/** One direction of a connection through the proxy. It is cheap: bytes are never copied, and all connections share one timer. */

/** What comes out of it comes in order, each after the delay. */
export class DelayLine {
  readonly #waiting: { readonly at: number; readonly action: () => void }[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly delayMilliseconds: () => number) {}

  /** Performs an action after the delay; at once where there is none. */
  after(action: () => void): void {
    const delay = this.delayMilliseconds();
    if (delay === 0 && this.#waiting.length === 0) action();
    else {
      this.#waiting.push({ at: performance.now() + delay, action });
      this.#arm();
    }
  }

  #arm(): void {
    const first = this.#waiting[0];
    if (first === undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#perform(), Math.max(0, first.at - performance.now()));
  }

  #perform(): void {
    this.#timer = undefined;
    const now = performance.now();
    let due = 0;
    while ((this.#waiting[due]?.at ?? Number.POSITIVE_INFINITY) <= now) due += 1;
    for (const { action } of this.#waiting.splice(0, due)) action();
    this.#arm();
  }
}

type Sender = Pick<Bun.Socket, "pause" | "resume">;
type Receiver = Pick<Bun.Socket, "write" | "end" | "terminate">;

/** In the place of bytes: the sender has ended. */
const END = new Uint8Array(0);

export class ProxyWay {
  /** Read from the sender, and not on the way yet: the window is full. */
  readonly #held: Uint8Array[] = [];
  /** Through, and not taken by the receiver yet. */
  readonly #arrived: Uint8Array[] = [];
  #onTheWay = 0;
  #paused = false;
  #closed = false;
  #sender: Sender | undefined;
  #receiver: Receiver | undefined;

  constructor(
    private readonly line: DelayLine,
    private readonly windowBytes: () => number,
  ) {}

  from(sender: Sender): void {
    this.#sender = sender;
  }

  to(receiver: Receiver): void {
    this.#receiver = receiver;
    this.deliver();
  }

  take(bytes: Uint8Array): void {
    this.#held.push(bytes);
    this.#send();
  }

  /** The sender has closed: the receiver hears of it behind all that was sent. */
  end(): void {
    this.take(END);
  }

  /** Nobody takes anything any more. */
  close(): void {
    this.#closed = true;
  }

  /** The receiver's connection breaks now. */
  cut(): void {
    this.#closed = true;
    this.#receiver?.terminate();
  }

  #send(): void {
    for (;;) {
      const next = this.#held[0];
      const room = this.windowBytes() - this.#onTheWay;
      if (next === undefined || (room <= 0 && next !== END)) break;
      const part = next.length <= room ? next : next.subarray(0, room);
      if (part === next) this.#held.shift();
      else this.#held[0] = next.subarray(room);
      this.#onTheWay += part.length;
      this.line.after(() => {
        this.#arrived.push(part);
        this.deliver();
      });
    }
    this.#slow();
  }

  /** Hands on what the receiver takes, and lets the sender know a delay later. */
  deliver(): void {
    let taken = 0;
    for (
      let next = this.#arrived[0];
      next !== undefined && (this.#receiver !== undefined || this.#closed);
      next = this.#arrived[0]
    ) {
      if (next === END && !this.#closed) this.#receiver?.end();
      const written = this.#closed ? next.length : Math.max(0, this.#receiver?.write(next) ?? 0);
      taken += written;
      if (written < next.length) {
        this.#arrived[0] = next.subarray(written);
        break;
      }
      this.#arrived.shift();
    }
    if (taken === 0) this.#slow();
    else {
      this.line.after(() => {
        this.#onTheWay -= taken;
        this.#send();
      });
    }
  }

  /** The sender waits while anything waits for room. */
  #slow(): void {
    const wait = this.#held.length > 0 || this.#arrived.length > 0;
    if (wait === this.#paused) return;
    this.#paused = wait;
    if (wait) this.#sender?.pause();
    else this.#sender?.resume();
  }
}
