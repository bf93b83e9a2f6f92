/** What is packed for another thread comes out there as it was. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import type { DataDirectoryId, DirectoryId, FileOriginId, PendingFile } from "../inventory/mod.ts";
import type { CopyOutcome } from "../replicate/mod.ts";
import { localAddress } from "../volume/mod.ts";
import { packGroup, packResult, unpackGroup } from "./copy-messages.ts";

const fromHere = (): undefined => undefined;
const CLAIMANT = { inventory: "i", machine: "", hostname: "exao1", database: "/i.db" };
const REPLICA = { address: localAddress("/r"), marker: "m", claims: { claimant: CLAIMANT, hosts: ["exao1"] }, reserveBytes: 5 };

const evidence = fc.record({
  size: fc.nat(2 ** 31),
  mtimeSeconds: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
  mtimeNanoseconds: fc.nat(999_999_999),
});

const group: fc.Arbitrary<PendingFile[]> = fc
  .array(
    fc.record({
      directory: fc.nat(3),
      name: fc.string({ unit: "binary", minLength: 1 }).map((text) => text.replaceAll("/", "_")),
      evidence,
      former: fc.option(evidence, { nil: undefined }),
      goneBack: fc.boolean(),
    }),
    { minLength: 1, maxLength: 20 },
  )
  .map((files) =>
    files.map(({ directory, name, evidence: now, former, goneBack }, index) => ({
      // Ids of a database that is not there.
      id: (index + 100) as FileOriginId,
      directory: {
        id: (directory + 1) as DirectoryId,
        host: "exao1",
        path: `/data/${directory}`,
        dataDirectoryId: 1 as DataDirectoryId,
        dataDirectory: "/data",
      },
      name,
      evidence: now,
      observedAt: 0,
      revision: index,
      ...(goneBack ? { goneBack } : {}),
      ...(former === undefined ? {} : { copy: { state: "stale" as const, kept: former } }),
    })),
  );

test("a group", () => {
  fc.assert(
    fc.property(group, (files) => {
      const { replica, requests } = unpackGroup(structuredClone(packGroup(REPLICA, files, fromHere, () => false)));
      expect(replica).toEqual(REPLICA);
      expect(requests).toEqual(
        files.map(({ id, directory, name, evidence: now, copy, goneBack }) => ({
          id,
          directory: directory.id,
          host: directory.host,
          dataDirectory: directory.dataDirectory,
          directoryPath: directory.path,
          name,
          evidence: now,
          ...(copy === undefined ? {} : { replaces: copy.kept }),
          ...(goneBack === undefined ? {} : { goneBack }),
        })),
      );
    }),
  );
});

test("its result: every outcome once, at the position of its file, with its digest", () => {
  const fates = fc.array(fc.constantFrom("copied", "kept", "adopted", "failed", "untried"), { minLength: 20, maxLength: 20 });
  fc.assert(
    fc.property(group, fates, fc.boolean(), (files, fate, backwards) => {
      const unpacked = unpackGroup(packGroup(REPLICA, files, fromHere, () => false));
      const outcomes = files.flatMap(({ id, evidence: now }, index): CopyOutcome[] => {
        const how = fate[index];
        if (how === "untried") return [];
        if (how === "failed") return [{ kind: "failed", id, domain: "source", reason: "SourceVanished", message: "gone" }];
        const digest = { algorithm: "sha256", bytes: new Uint8Array(32).fill(index) } as const;
        const kept = how === "kept" ? { kept: { mtimeSeconds: 1, mtimeNanoseconds: 0 } } : {};
        return [{ kind: "stored", id, how: how === "adopted" ? "adopted" : "copied", evidence: now, digest, ...kept }];
      });
      const result = { outcomes: backwards ? outcomes.toReversed() : outcomes, leftovers: [] };
      const { copied, digests, others } = structuredClone(packResult(unpacked, result));
      const came = new Map<number, string>();
      copied.forEach((position, index) => {
        expect(digests.subarray(index * 32, index * 32 + 32)).toEqual(new Uint8Array(32).fill(position));
        came.set(position, "copied");
      });
      for (const [position, outcome] of others) {
        expect(came.has(position)).toBe(false);
        expect(outcome.id).toBe(files[position]?.id as FileOriginId);
        came.set(position, outcome.kind === "failed" ? "failed" : outcome.kept === undefined ? outcome.how : "kept");
      }
      files.forEach((_file, index) => {
        expect(came.get(index) ?? "untried").toBe(fate[index] ?? "untried");
      });
    }),
  );
});
