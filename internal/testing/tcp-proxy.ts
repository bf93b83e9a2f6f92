/** A TCP proxy in front of a server, which delays what passes, cuts it after so many bytes, or lets nothing pass any more. */
import { connect, createServer, type Server, type Socket } from "node:net";
import { freePort } from "./ssh-server.ts";

export interface Weather {
  /** Each way. */
  readonly delayMilliseconds?: number;
  /** Connections are cut when so many bytes have gone to the server, all together. */
  readonly cutAfterBytes?: number;
  /** From so many bytes to the server on, nothing passes any more and nothing is closed. */
  readonly freezeAfterBytes?: number;
}

export class TcpProxy {
  weather: Weather = {};
  /** Bytes that went to the server. */
  passed = 0;
  /** Bytes that came from it. */
  returned = 0;
  readonly #sockets = new Set<Socket>();

  private constructor(
    readonly port: number,
    private readonly server: Server,
  ) {}

  static async start(target: number): Promise<TcpProxy> {
    const port = await freePort();
    const server = createServer();
    const proxy = new TcpProxy(port, server);
    server.on("connection", (near) => proxy.#join(near, connect(target, "127.0.0.1")));
    await new Promise<void>((resolve) => {
      server.listen(port, "127.0.0.1", resolve);
    });
    return proxy;
  }

  #join(near: Socket, far: Socket): void {
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        this.#sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on("data", (bytes: Buffer) => {
      this.passed += bytes.length;
      if (this.passed > (this.weather.cutAfterBytes ?? Number.POSITIVE_INFINITY)) {
        near.destroy();
        return;
      }
      if (this.passed <= (this.weather.freezeAfterBytes ?? Number.POSITIVE_INFINITY)) this.#pass(bytes, far);
    });
    far.on("data", (bytes: Buffer) => {
      this.returned += bytes.length;
      if (this.passed <= (this.weather.freezeAfterBytes ?? Number.POSITIVE_INFINITY)) this.#pass(bytes, near);
    });
  }

  #pass(bytes: Buffer, to: Socket): void {
    const { delayMilliseconds = 0 } = this.weather;
    if (delayMilliseconds === 0) to.write(bytes);
    else setTimeout(() => to.write(bytes), delayMilliseconds);
  }

  stop(): void {
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
