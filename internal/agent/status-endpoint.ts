/**
 * The status endpoint: a small HTTP server for probes, scrapers and people (`/healthz`, `/readyz`, `/status`, `/metrics`).
 *
 * Promises: reads only, and nothing of what a client sends but method and path; answers are made at most once a second, whoever asks how often; a client that is
 * slow, silent or sends too much is cut off, and many of them take no more than a few descriptors (`http-listener.ts`); what goes wrong inside is told without
 * paths. Never: makes the agent wait; listens on a unix socket that is open to more than its owner and group.
 */
import { err, ok, type Result, ResultAsync } from "neverthrow";
import type { ListenAddress } from "../config/mod.ts";
import { jsonText } from "../sys/mod.ts";
import type { AgentError, EndpointError } from "./agent-error.ts";
import { type HttpAnswer, type HttpHandler, type HttpRequest, listenHttp } from "./http-listener.ts";
import { type AgentMetrics, METRICS_TYPE } from "./metrics.ts";
import { notReadyReasons } from "./readiness.ts";
import { bindSocket, freeForSocket } from "./socket-path.ts";
import type { StatusDocument } from "./status-document.ts";

export interface EndpointSources {
  /** What is so now; asked at most once a second. */
  status(): Result<StatusDocument, AgentError>;
  /** Does the controller make progress? A stalled replica is no reason to say no. */
  health(): { readonly healthy: boolean; readonly detail: string };
  readonly metrics: AgentMetrics;
}

export interface StatusEndpoint {
  /** Of a TCP address: the one that was given, or that the system chose for port 0. */
  readonly port?: number;
  /** Ends it at once, and takes the socket's name away. */
  stop(): Promise<void>;
}

const MOST_BODY_BYTES = 1024;
/** More at a time are sent away: all of them wait for the same few answers. */
const MOST_REQUESTS = 64;
const FRESH_MILLISECONDS = 1_000;

const HEADERS = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'",
} as const;
const TEXT = "text/plain; charset=utf-8";

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: Uint8Array;
}

const encoder = new TextEncoder();
const answer = (status: number, body: string, type: string = TEXT): Answer => ({ status, type, body: encoder.encode(body) });
const respond = ({ status, type, body }: Answer, headers: Readonly<Record<string, string>> = {}): HttpAnswer => ({
  status,
  headers: { ...HEADERS, "content-type": type, ...headers },
  body,
});
const plain = (status: number, text: string, headers?: Readonly<Record<string, string>>): HttpAnswer =>
  respond(answer(status, `${text}\n`), headers);

const INDEX = `xtelemdb
/healthz   200 while the agent makes progress
/readyz    200 while every declared replica can take files and every data directory was scanned
/status    what is so, what is not, why, and what to do (JSON)
/metrics   for Prometheus
`;

/** The same answer for a second. */
function atMostOnceASecond<Value>(make: () => Value, elapsed: () => number): () => Value {
  let held: { readonly value: Value; readonly at: number } | undefined;
  return () => {
    if (held === undefined || elapsed() - held.at >= FRESH_MILLISECONDS) held = { at: elapsed(), value: make() };
    return held.value;
  };
}

type Routes = ReadonlyMap<string, () => Promise<Answer>>;

function makeRoutes(sources: EndpointSources, elapsed: () => number): Routes {
  const status = atMostOnceASecond(() => sources.status(), elapsed);
  const withStatus = async (make: (document: StatusDocument) => Answer | Promise<Answer>): Promise<Answer> => {
    const document = status();
    // Which of the errors it is, and no path: the log and the commands have the rest.
    return document.isErr() ? answer(503, `the status cannot be read: ${document.error.kind}\n`) : make(document.value);
  };
  const healthz = async (): Promise<Answer> => {
    const { healthy, detail } = sources.health();
    return answer(healthy ? 200 : 503, `${detail}\n`);
  };
  const readyz = (): Promise<Answer> =>
    withStatus((document) => {
      const { healthy, detail } = sources.health();
      const reasons = [...(healthy ? [] : [`agent: ${detail}`]), ...notReadyReasons(document)];
      return reasons.length === 0 ? answer(200, "ready\n") : answer(503, `not ready\n${reasons.join("\n")}\n`);
    });
  const made: readonly (readonly [string, () => Promise<Answer>])[] = [
    ["/", async () => answer(200, INDEX)],
    ["/healthz", healthz],
    ["/readyz", readyz],
    ["/status", () => withStatus((document) => answer(200, `${jsonText(document, 2)}\n`, "application/json"))],
    ["/metrics", () => withStatus(async (document) => answer(200, await sources.metrics.render(document), METRICS_TYPE))],
  ];
  return new Map(made.map(([path, make]) => [path, atMostOnceASecond(make, elapsed)]));
}

/** Whatever the client sends along is not read; much of it is refused. */
function carriesTooMuch({ headers }: HttpRequest): boolean {
  return headers.has("transfer-encoding") || Number(headers.get("content-length") ?? 0) > MOST_BODY_BYTES;
}

async function serve(request: HttpRequest, routes: Routes): Promise<HttpAnswer> {
  if (carriesTooMuch(request)) return plain(413, "too much");
  const route = routes.get(request.path);
  if (route === undefined) return plain(404, "not found");
  if (request.method !== "GET" && request.method !== "HEAD") return plain(405, "only GET and HEAD", { allow: "GET, HEAD" });
  return respond(await route());
}

/** Counts what is being answered, and takes what goes wrong for a fault of ours. */
function handlerOf(routes: Routes): HttpHandler {
  let pending = 0;
  return async (request) => {
    if (pending >= MOST_REQUESTS) return plain(503, "too many requests at a time", { "retry-after": "1" });
    pending += 1;
    try {
      return await serve(request, routes);
    } catch {
      return plain(500, "a fault of xtelemdb itself: see its log");
    } finally {
      pending -= 1;
    }
  };
}

const addressText = (listen: ListenAddress): string => {
  if (listen.kind === "unix") return listen.path;
  return listen.host.includes(":") ? `[${listen.host}]:${listen.port}` : `${listen.host}:${listen.port}`;
};

const WHY: Readonly<Record<string, Pick<EndpointError, "why" | "detail">>> = {
  EADDRINUSE: { why: "in-use", detail: "the address is in use" },
  EACCES: { why: "denied", detail: "permission denied" },
  EPERM: { why: "denied", detail: "operation not permitted" },
  EROFS: { why: "denied", detail: "read-only file system" },
  EADDRNOTAVAIL: { why: "no-such-address", detail: "this machine has no such address" },
  ENOENT: { why: "impossible", detail: "its folder does not exist" },
};

function endpointError(listen: ListenAddress, exception: unknown): EndpointError {
  const code = exception instanceof Error && "code" in exception ? String(exception.code) : "";
  const detail = exception instanceof Error ? exception.message : String(exception);
  return { kind: "endpoint", address: addressText(listen), ...(WHY[code] ?? { why: "impossible", detail }) };
}

/**
 * Listens and answers until it is stopped. `elapsed`: milliseconds of a clock that never jumps. Errors: the address is in use, not allowed, not one of this machine,
 * or something that is no dead socket has the path.
 */
export function startEndpoint(
  listen: ListenAddress,
  sources: EndpointSources,
  { elapsed = () => performance.now() }: { readonly elapsed?: () => number } = {},
): ResultAsync<StatusEndpoint, EndpointError> {
  return new ResultAsync(
    open(listen, makeRoutes(sources, elapsed)).catch((exception: unknown) => err(endpointError(listen, exception))),
  );
}

async function open(listen: ListenAddress, routes: Routes): Promise<Result<StatusEndpoint, EndpointError>> {
  const handler = handlerOf(routes);
  if (listen.kind === "tcp") {
    const listener = listenHttp({ hostname: listen.host, port: listen.port }, handler);
    return ok({ ...("port" in listener ? { port: listener.port } : {}), stop: async () => listener.stop(true) });
  }
  const free = await freeForSocket(listen.path);
  if (free.isErr()) return err(free.error);
  const { listener, remove } = bindSocket(
    listen.path,
    (unix) => listenHttp({ unix }, handler),
    (made) => made.stop(true),
  );
  const stop = async (): Promise<void> => {
    remove();
    listener.stop(true);
  };
  return ok({ stop });
}
