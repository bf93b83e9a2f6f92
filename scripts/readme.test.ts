import { expect } from "bun:test";
import { programPath, wholeTest } from "../internal/testing/mod.ts";
import { checkReadme } from "./readme.ts";

wholeTest("every command of the README's tour prints what stands there", ["namespaces", "loop"], () => {
  programPath();
  expect(checkReadme().differences).toEqual([]);
});
