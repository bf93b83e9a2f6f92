/** Whatever a client sends as the head of a request is read as one, or refused; it never throws, and leads to no path but one of a URL. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { fuzzTest, mutated } from "../testing/mod.ts";
import { answerBytes, parseHead } from "./http-listener.ts";

const HEADS = [
  "GET /status HTTP/1.1\r\nHost: x\r\nAccept: */*",
  "HEAD http://exao1:9440/metrics?x=1 HTTP/1.0\r\nContent-Length: 12",
  "POST /%2e%2e/etc HTTP/1.1\r\nTransfer-Encoding: chunked\r\nX: \u00ff",
];
const PIECES = ["\r\n", "\n", ":", " ", "\0", "HTTP/1.1", "//", "..", "%00", "\u001b]0;x\u0007", "[::1]", "@", "#", "?"];

fuzzTest(
  "a request's head",
  fc.property(mutated(HEADS, PIECES), (bytes) => {
    const request = parseHead(Buffer.from(bytes).toString("latin1"));
    if (request === undefined) return;
    expect(request.method).toMatch(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/);
    expect(request.path).not.toMatch(/[\s\p{Cc}]/u);
  }),
);

test("a head is read as it stands", () => {
  const request = parseHead("GET /status?x=1 HTTP/1.1\r\nHost: x\r\nAccept:  a  ");
  expect([request?.method, request?.path, request?.headers.get("accept")]).toEqual(["GET", "/status", "a"]);
  for (const wrong of ["", "GET", "GET /", "GET / HTTP/2", "GET  / HTTP/1.1", "GET / HTTP/1.1\r\nno field", "G T / HTTP/1.1"]) {
    expect([wrong, parseHead(wrong)]).toEqual([wrong, undefined]);
  }
});

test("an answer tells its length, ends the connection, and has no body for HEAD", () => {
  const answer = { status: 200, headers: { "content-type": "text/plain" }, body: Buffer.from("ready\n") };
  const got = Buffer.from(answerBytes(answer, "GET")).toString();
  expect(got).toMatch(/^HTTP\/1\.1 200 OK\r\ncontent-type: text\/plain\r\ncontent-length: 6\r\n/);
  expect(got).toEndWith("connection: close\r\n\r\nready\n");
  expect(Buffer.from(answerBytes(answer, "HEAD")).toString()).toEndWith("connection: close\r\n\r\n");
});
