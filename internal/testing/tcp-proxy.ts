/** A TCP proxy in front of a server, which delays what passes, lets only so much be on the way, cuts it after so many bytes, or lets nothing pass any more. */
import { DelayLine, ProxyWay } from "./proxy-way.ts";

export interface Weather {
  /** Each way. */
  readonly delayMilliseconds?: number;
  /**
   * So many bytes of a connection may be on the way in each direction, as in a TCP window: a byte is on the way until the word that the receiver took it is back, which
   * is one round trip. The sender is paused meanwhile.
   */
  readonly windowBytes?: number;
  /** Connections are cut when so many bytes have gone to the server, all together. */
  readonly cutAfterBytes?: number;
  /** From so many bytes to the server on, nothing passes any more and nothing is closed. */
  readonly freezeAfterBytes?: number;
}

/** One end of a connection: what it sends goes `away`, what it is sent comes `here`. */
interface End {
  readonly away: ProxyWay;
  readonly here: ProxyWay;
  readonly near: boolean;
}

const NEVER = Number.POSITIVE_INFINITY;

export class TcpProxy {
  weather: Weather = {};
  /** Bytes that went to the server. */
  passed = 0;
  /** Bytes that came from it. */
  returned = 0;
  readonly #line = new DelayLine(() => this.weather.delayMilliseconds ?? 0);
  readonly #sockets = new Set<Bun.Socket<End>>();
  readonly #listener: Bun.TCPSocketListener<End>;

  private constructor(target: number) {
    this.#listener = Bun.listen<End>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        ...this.#handlers(),
        open: (socket) => {
          const away = this.#way();
          const here = this.#way();
          socket.data = { away, here, near: true };
          this.#opened(socket);
          void this.#connect(target, { away: here, here: away, near: false }).catch(() => socket.terminate());
        },
      },
    });
  }

  /** In front of a port of this machine. */
  static start(target: number): Promise<TcpProxy> {
    return Promise.resolve(new TcpProxy(target));
  }

  get port(): number {
    return this.#listener.port;
  }

  #way(): ProxyWay {
    return new ProxyWay(this.#line, () => this.weather.windowBytes ?? NEVER);
  }

  #connect(port: number, data: End): Promise<unknown> {
    const open = (socket: Bun.Socket<End>): void => this.#opened(socket);
    return Bun.connect<End>({ hostname: "127.0.0.1", port, data, socket: { ...this.#handlers(), open } });
  }

  #opened(socket: Bun.Socket<End>): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.data.away.from(socket);
    socket.data.here.to(socket);
  }

  #handlers(): Pick<Bun.SocketHandler<End>, "data" | "drain" | "close" | "error"> {
    return {
      data: (socket, bytes) => this.#heard(socket, bytes),
      drain: ({ data }) => data.here.deliver(),
      close: (socket) => {
        this.#sockets.delete(socket);
        socket.data.here.close();
        socket.data.away.end();
      },
      error: (socket) => socket.terminate(),
    };
  }

  #heard(socket: Bun.Socket<End>, bytes: Buffer): void {
    const { cutAfterBytes = NEVER, freezeAfterBytes = NEVER } = this.weather;
    if (socket.data.near) this.passed += bytes.length;
    else this.returned += bytes.length;
    if (this.passed > cutAfterBytes) {
      socket.data.here.close();
      socket.data.away.cut();
      socket.terminate();
    } else if (this.passed <= freezeAfterBytes) socket.data.away.take(bytes);
  }

  stop(): void {
    this.#listener.stop(true);
    for (const socket of this.#sockets) socket.terminate();
  }
}
