// Writes config/xtelemdb.schema.json from the zod schema; with --check it only says whether the file is up to date.
import { configurationJsonSchema } from "../internal/config/mod.ts";

const file = new URL("../config/xtelemdb.schema.json", import.meta.url).pathname;
const wanted = `${JSON.stringify(configurationJsonSchema(), null, 2)}\n`;
if (process.argv.includes("--check")) {
  const found = await Bun.file(file)
    .text()
    .catch(() => "");
  if (found !== wanted) {
    console.error("config/xtelemdb.schema.json is not what the schema gives: run bun scripts/generate-schema.ts");
    process.exit(1);
  }
} else await Bun.write(file, wanted);
