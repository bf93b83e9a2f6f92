/**
 * Where a thread's program lies, by its name beside this file: in the compiled program every entry point lies at its path from the top of the sources, below
 * the root of its file system. Each is named in scripts/build.
 */
export const entryPoint = (name: string): URL =>
  new URL(import.meta.url.startsWith("file:///$bunfs/") ? `./internal/agent/${name}` : `./${name}`, import.meta.url);
