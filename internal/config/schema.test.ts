import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { mistakesOf, stateOf } from "./_for-tests.ts";
import { EXAMPLES } from "./_mistakes.ts";
import { configurationJsonSchema, KNOWN_KEYS } from "./schema.ts";

const folder = join(import.meta.dir, "..", "..", "config");
const read = (name: string): Promise<string> => readFile(join(folder, name), "utf8");

const SECTIONS: Readonly<Record<string, string>> = {
  "": "",
  scan: "[scan]\n",
  status: "[status]\n",
  verify: "[verify]\n",
  hosts: "[hosts.exao1]\n",
  replicas: '[replicas."/mnt/backup"]\n',
};

test("there is a right example for every key that holds a value", () => {
  for (const [section, header] of Object.entries(SECTIONS)) {
    for (const key of (KNOWN_KEYS[section] ?? []).filter((known) => !(known in SECTIONS))) {
      expect(EXAMPLES[key]).toStartWith(`${key} = `);
      const farther =
        key === "ssh_options"
          ? header.replace("/mnt/backup", "ssh://popeye/x").replace("exao1]", 'exao1]\naddress = "ssh://x"')
          : header;
      expect(mistakesOf(`${farther}${EXAMPLES[key]}\n`)).toEqual([]);
    }
  }
});

describe("the JSON Schema", () => {
  test("in config/ is the one of this program", async () => {
    expect(JSON.parse(await read("xtelemdb.schema.json"))).toEqual(JSON.parse(JSON.stringify(configurationJsonSchema())));
  });

  test("describes every key", () => {
    const undescribed: string[] = [];
    const walk = (node: unknown, path: string): void => {
      if (typeof node !== "object" || node === null) return;
      for (const [key, value] of Object.entries("properties" in node ? (node.properties ?? {}) : {})) {
        if (typeof value !== "object" || value === null || !("description" in value)) undescribed.push(`${path}.${key}`);
        walk(value, `${path}.${key}`);
      }
      if ("additionalProperties" in node) walk(node.additionalProperties, `${path}.*`);
    };
    walk(configurationJsonSchema(), "");
    expect(undescribed).toEqual([]);
  });
});

describe("the example that an operator installs", () => {
  test("loads as it is, and is all defaults", async () => {
    expect(stateOf(await read("xtelemdb.toml"))).toEqual(stateOf(""));
  });

  test("loads with everything in it that is commented out, and leaves out no key", async () => {
    const text = (await read("xtelemdb.toml")).replaceAll(/^# (?=\[|[a-z_]+ = )/gm, "");
    const state = stateOf(text);
    expect([state.hosts.length, state.replicas.length]).toEqual([2, 2]);
    for (const key of Object.keys(EXAMPLES)) expect(text).toMatch(new RegExp(`^${key} = .*#`, "m"));
  });
});
