/** The marker, the claims and the generation at a replica's root, whatever a far end or somebody with the disk has written there. */
import { describe, expect } from "bun:test";
import fc from "fast-check";
import { fuzzTest, mutatedText } from "../testing/mod.ts";
import { parseClaim, parseGeneration, parseMarker } from "./mod.ts";

const MARKER = '{"format":1,"uuid":"720a01ff-f54f-410c-a673-916d0462a4b9","created":"2026-11-24T12:00:00.000Z"}\n';
const CLAIM =
  '{"format":1,"inventory":"720a01ff-f54f-410c-a673-916d0462a4b9","machine":"0123456789abcdef0123456789abcdef","hostname":"exao1","database":"/var/lib/xtelemdb/inventory.db","since":"2026-11-24T12:00:00.000Z"}\n';
const GENERATION = '{"format":1,"number":7,"token":"0123456789abcdef","at":"2026-11-24T12:00:00.000Z"}\n';
const WORDS = ["null", "1e999", "{}", "[", '"', ",", '"__proto__":{}', "\u001b[2J", "\u202e", '"\\ud800"', "\0", "\ufeff"];

describe("a file at a replica's root", () => {
  fuzzTest(
    "is a marker, a claim or a generation, or is told to be none",
    fc.property(mutatedText([MARKER, CLAIM, GENERATION], WORDS), (text) => {
      const marker = parseMarker("/mnt/backup/x", text);
      if (marker.isOk()) expect(marker.value.uuid).toMatch(/^[0-9a-f-]{36}$/i);
      else expect(marker.error).toMatchObject({ kind: "root-file-unreadable", path: "/mnt/backup/x" });
      const claim = parseClaim("/mnt/backup/x", text);
      if (claim.isOk())
        for (const word of [claim.value.inventory, claim.value.machine, claim.value.hostname]) expect(word).toBeString();
      else expect(claim.error.detail).not.toBe("");
      const generation = parseGeneration("/mnt/backup/x", text);
      if (generation.isOk()) expect(Number.isSafeInteger(generation.value.number) && generation.value.number >= 0).toBe(true);
      else expect(generation.error.detail).not.toBe("");
    }),
  );
});
