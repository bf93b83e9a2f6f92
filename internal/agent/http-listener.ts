/**
 * HTTP/1.1 for a few small answers, on connections that are counted. Bun's own server takes as many as come, and keeps one as long as a byte comes now and then: enough of them
 * take every descriptor that copying needs.
 *
 * Promises: at most `MOST_CONNECTIONS` at a time (whoever comes then takes the place of the one that has been without a whole request the longest), none for longer than
 * `LIFE_MILLISECONDS`; one request a connection (RFC 9112, section 9.6); of it only the head is read. Never: keeps a body, trusts a header.
 */
import type { Socket, TCPSocketListener, UnixSocketListener } from "bun";

/** Also those that are answered: fewer than the smallest usual limit of descriptors leaves for copying. */
const MOST_CONNECTIONS = 128;
const LIFE_MILLISECONDS = 10_000;
const MOST_HEAD_BYTES = 16 << 10;

export interface HttpRequest {
  readonly method: string;
  /** Without a query. */
  readonly path: string;
  readonly headers: Headers;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Never rejects. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpAnswer>;

interface Connection {
  head: Buffer;
  /** What is still to be sent; undefined while there is no answer. */
  left: Uint8Array | undefined;
  answering: boolean;
  isClosed: boolean;
  readonly timer: ReturnType<typeof setTimeout>;
}

export type Listener = TCPSocketListener<Connection | undefined> | UnixSocketListener<Connection | undefined>;

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  413: "Content Too Large",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

const plain = (status: number, text: string): HttpAnswer => ({
  status,
  headers: { "content-type": "text/plain; charset=utf-8" },
  body: Buffer.from(`${text}\n`),
});

/** The bytes of an answer, after which the connection ends. HEAD has the head of GET. */
export function answerBytes({ status, headers, body }: HttpAnswer, method: string): Uint8Array {
  const fields = { ...headers, "content-length": String(body.length), date: new Date().toUTCString(), connection: "close" };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = Buffer.from(`HTTP/1.1 ${status} ${REASONS[status] ?? "Status"}\r\n${lines.join("")}\r\n`);
  return method === "HEAD" ? head : Buffer.concat([head, body]);
}

const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP\/1\.[01]$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/;

/** A request's head, without the empty line at its end; undefined when it is none. */
export function parseHead(head: string): HttpRequest | undefined {
  const [line = "", ...fields] = head.split("\r\n");
  const [, method, target = ""] = REQUEST_LINE.exec(line) ?? [];
  if (method === undefined || !URL.canParse(target, "http://x")) return undefined;
  const headers = new Headers();
  for (const field of fields) {
    const [, name, value = ""] = FIELD.exec(field) ?? [];
    if (name === undefined) return undefined;
    try {
      headers.append(name, value);
    } catch {
      return undefined;
    }
  }
  return { method, path: new URL(target, "http://x").pathname, headers };
}

/** Listens there, and answers until it is stopped (`stop(true)`). @throws what the system says, with its code. */
export function listenHttp(
  where: { readonly hostname: string; readonly port: number } | { readonly unix: string },
  handler: HttpHandler,
): Listener {
  /** In the order in which they came. */
  const open = new Set<Socket<Connection | undefined>>();

  const flush = (socket: Socket<Connection | undefined>, connection: Connection): void => {
    if (connection.left === undefined || connection.isClosed) return;
    const written = Math.max(0, socket.write(connection.left));
    connection.left = connection.left.subarray(written);
    if (connection.left.length === 0) socket.end();
  };
  const send = (socket: Socket<Connection | undefined>, connection: Connection, answer: HttpAnswer, method = "GET"): void => {
    connection.left = answerBytes(answer, method);
    connection.head = Buffer.alloc(0);
    flush(socket, connection);
  };
  const makeRoom = (): void => {
    if (open.size < MOST_CONNECTIONS) return;
    const oldest = [...open].find(({ data }) => data?.answering !== true) ?? [...open][0];
    if (oldest === undefined) return;
    open.delete(oldest);
    oldest.terminate();
  };
  const take = (socket: Socket<Connection | undefined>, connection: Connection, data: Buffer): void => {
    // What comes behind the head is nobody's.
    if (connection.answering) return;
    connection.head = Buffer.concat([connection.head, data.subarray(0, MOST_HEAD_BYTES + 4)]);
    const end = connection.head.indexOf("\r\n\r\n");
    if (end < 0 && connection.head.length <= MOST_HEAD_BYTES) return;
    connection.answering = true;
    const isTooLong = end < 0 || end > MOST_HEAD_BYTES;
    const request = isTooLong ? undefined : parseHead(connection.head.subarray(0, end).toString("latin1"));
    if (request === undefined) send(socket, connection, isTooLong ? plain(431, "too much") : plain(400, "not HTTP"));
    else void handler(request).then((answer) => send(socket, connection, answer, request.method));
  };
  const forget = (socket: Socket<Connection | undefined>): void => {
    open.delete(socket);
    if (socket.data === undefined) return;
    socket.data.isClosed = true;
    clearTimeout(socket.data.timer);
  };
  const socket = {
    open: (opened: Socket<Connection | undefined>): void => {
      makeRoom();
      const timer = setTimeout(() => opened.terminate(), LIFE_MILLISECONDS);
      opened.data = { head: Buffer.alloc(0), left: undefined, answering: false, isClosed: false, timer };
      open.add(opened);
    },
    data: (from: Socket<Connection | undefined>, data: Buffer): void => {
      if (from.data !== undefined) take(from, from.data, data);
    },
    drain: (to: Socket<Connection | undefined>): void => {
      if (to.data !== undefined) flush(to, to.data);
    },
    close: forget,
    error: forget,
  };
  return "unix" in where
    ? Bun.listen<Connection | undefined>({ unix: where.unix, socket, data: undefined })
    : Bun.listen<Connection | undefined>({ ...where, exclusive: true, socket, data: undefined });
}
