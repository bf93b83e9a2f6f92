// Proves the layers of the program: each imports only from those below it and only through its mod.ts; unsafe code, SQL and the console stay where
// they belong; no file is too long to be one idea; no top-level entry is new.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";

const LAYERS = ["cmd", "agent", "replicate", "scan", "volume", "inventory", "config", "sys"];
const MAX_LINES = 300;

const TOP_LEVEL = new Set(
  (
    ".ci .git .gitignore .editorconfig .dockerignore README.md LICENSE CHANGELOG.md package.json package-lock.json bunfig.toml tsconfig.json " +
    "biome.json knip.json cmd internal config fixtures scripts Dockerfile node_modules dist"
  ).split(" "),
);

/** Modules that only some layers may import. */
const RESERVED: readonly { module: RegExp; layers: readonly string[] }[] = [
  { module: /^bun:ffi$/, layers: ["sys"] },
  { module: /^(bun:sqlite|kysely|kysely-bun-sqlite)$/, layers: ["inventory"] },
  { module: /^@std\/toml$/, layers: ["config"] },
  { module: /^(commander|@bomb\.sh\/tab.*|@logtape\/logtape|picocolors|pretty-.*)$/, layers: ["cmd"] },
  { module: /^prom-client$/, layers: ["agent"] },
  { module: /^node:child_process$/, layers: [] },
];

function layerOf(path: string): string {
  const [top = "", second = ""] = path.split("/");
  return top === "internal" ? second : top;
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name);
    return statSync(path).isDirectory() ? filesBelow(path) : path.endsWith(".ts") ? [path] : [];
  });
}

/** What is wrong with one file, a sentence each. */
function problemsOf(root: string, path: string): string[] {
  const problems: string[] = [];
  const text = readFileSync(join(root, path), "utf8");
  const isTest = /(\.test|\/_for-tests)\.ts$|\/simulation\//.test(path) || layerOf(path) === "testing";
  const layer = layerOf(path);
  const lines = text.split("\n").length;
  if (lines > MAX_LINES && !isTest) problems.push(`${path}: ${lines} lines, more than ${MAX_LINES}: split it`);
  if (isTest) return problems;
  for (const [, module = ""] of text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)) {
    const reserved = RESERVED.find((one) => one.module.test(module));
    if (reserved !== undefined && !reserved.layers.includes(layer))
      problems.push(`${path}: imports ${module}, which belongs to ${reserved.layers.join(", ") || "no layer"}`);
    if (!module.startsWith(".")) continue;
    const target = normalize(join(dirname(path), module));
    const targetLayer = layerOf(target);
    if (targetLayer === layer || !target.startsWith("internal/")) continue;
    if (targetLayer === "testing") problems.push(`${path}: only tests import internal/testing`);
    else if (LAYERS.indexOf(targetLayer) < LAYERS.indexOf(layer))
      problems.push(`${path}: ${layer} is below ${targetLayer} and must not import it`);
    else if (target !== `internal/${targetLayer}/mod.ts`)
      problems.push(`${path}: imports ${target} past the face of ${targetLayer} (mod.ts)`);
  }
  if (layer !== "cmd" && /\b(console\.\w+|process\.exit|process\.std(out|err))\b/.test(text))
    problems.push(`${path}: only cmd speaks to the terminal or ends the process`);
  return problems;
}

/** Everything that breaks the layers in a tree like this one. */
export function checkLayers(root: string): string[] {
  const files = ["cmd", "internal"].flatMap((top) => filesBelow(join(root, top)));
  const strangers = readdirSync(root).filter((name) => !TOP_LEVEL.has(name));
  return [
    ...strangers.map((name) => `${name}: no other top-level entry is agreed`),
    ...files.flatMap((file) => problemsOf(root, relative(root, file))),
  ];
}

if (import.meta.main) {
  const problems = checkLayers(join(import.meta.dir, ".."));
  for (const problem of problems) console.error(problem);
  process.exit(problems.length > 0 ? 1 : 0);
}
