import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import colours from "picocolors";
import { type LineStyle, type LogEntry, logLine, type Reader } from "./log-line.ts";

const style = (reader: Reader, format: LineStyle["format"] = "text", painted = false): LineStyle => ({
  format,
  reader,
  colours: colours.createColors(painted),
});
const entry = (message: string, level: LogEntry["level"] = "info"): LogEntry => ({
  time: Date.UTC(2026, 10, 1, 8, 20, 15, 123),
  level,
  message,
});

/** What must never reach a terminal as it is. */
const ACTING = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

describe("a record", () => {
  test("has an ISO time and its level in a pipe", () => {
    expect(logLine(entry("a disk is full", "warning"), style("pipe"))).toBe("2026-11-01T08:20:15.123Z warning a disk is full\n");
  });

  test("has the journal's priority and no time under systemd", () => {
    const lines = (["debug", "info", "warning", "error"] as const).map((level) => logLine(entry("x", level), style("journal")));
    expect(lines).toEqual(["<7>x\n", "<6>x\n", "<4>x\n", "<3>x\n"]);
  });

  test("has the time of day and a coloured level on a terminal", () => {
    expect(logLine(entry("x", "error"), style("terminal"))).toMatch(/^\d\d:\d\d:\d\d error x\n$/);
    expect(logLine(entry("x", "error"), style("terminal", "text", true))).toContain(
      `${colours.createColors(true).red("error")} x\n`,
    );
  });

  test("is one object on one line in JSON, with its fields", () => {
    const line = logLine(
      { ...entry('a "b"\nc', "error"), fields: { replica: "/mnt/backup", files: 3, level: "no" } },
      style("pipe", "json"),
    );
    expect(line).toBe(
      '{"time":"2026-11-01T08:20:15.123Z","level":"error","message":"a \\"b\\"\\nc","replica":"/mnt/backup","files":3}\n',
    );
    expect(logLine(entry("x"), style("journal", "json"))).toStartWith('<6>{"time":"2026-');
  });

  test("of several lines stays one: what follows stands in, with the priority of the whole", () => {
    const message = "rejected:\nxtelemdb.toml:1:1\n2026-11-01T08:20:15.123Z error forged\n";
    expect(logLine(entry(message), style("pipe"))).toBe(
      "2026-11-01T08:20:15.123Z info rejected:\n  xtelemdb.toml:1:1\n  2026-11-01T08:20:15.123Z error forged\n",
    );
    expect(logLine(entry(message, "error"), style("journal"))).toBe(
      "<3>rejected:\n<3>  xtelemdb.toml:1:1\n<3>  2026-11-01T08:20:15.123Z error forged\n",
    );
  });

  test("loses the colours that its message was given for another place", () => {
    expect(logLine(entry(`failed ${colours.createColors(true).yellow("3")}`), style("pipe"))).toEndWith("info failed 3\n");
  });

  test("never holds what acts on a terminal, nor a line that is not its own", () => {
    const styles = (["journal", "terminal", "pipe"] as const).flatMap((reader) => [style(reader), style(reader, "json")]);
    const hostile = fc.string({
      unit: fc.oneof(
        fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
        fc.constantFrom("\n", "\r", "\u001b[2J", "\u0007", "\u202e", "\\", "<3>"),
      ),
    });
    fc.assert(
      fc.property(hostile, fc.constantFrom(...styles), (message, one) => {
        const lines = logLine({ ...entry(message), fields: { message, path: message } }, one).split("\n");
        expect(lines.pop()).toBe("");
        lines.forEach((line, index) => {
          expect(line).not.toMatch(ACTING);
          if (one.reader === "journal") expect(line).toStartWith(index === 0 ? "<6>" : "<6>  ");
          else if (index > 0) expect(line).toStartWith("  ");
        });
        if (one.format === "json") expect(JSON.parse((lines[0] ?? "").replace(/^<6>/, "")).path).toBe(message);
      }),
    );
  });
});
