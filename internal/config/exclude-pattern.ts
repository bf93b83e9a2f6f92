/** What may stand in `exclude`. The patterns are those of Bun.Glob, but for two ways to leave out what nobody meant. */

/** A "!" in front would turn a pattern round, and leave out everything else. A "/" in front of it only says where names begin. */
export const isNegated = (pattern: string): boolean => /^\/?!/.test(pattern);

/** Behind the end of a class, such as "[a-c]", whose "[" is in front of `at`; undefined when it has none. A "]" in the first place is one of its characters. */
function endOfClass(pattern: string, at: number): number | undefined {
  const first = /[!^]/.test(pattern.charAt(at)) ? at + 1 : at;
  for (let index = first; index < pattern.length; index++) {
    const character = pattern.charAt(index);
    if (character === "]" && index > first) return index + 1;
    if (character === "\\") index += 1;
  }
  return undefined;
}

/** Is every "[" and every "{" closed? One that is not would be taken for the character that it is. "\" takes the meaning off the character behind it. */
export function isClosed(pattern: string): boolean {
  let open = 0;
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern.charAt(index);
    if (character === "\\") index += 1;
    else if (character === "{") open += 1;
    else if (character === "}") open = Math.max(0, open - 1);
    else if (character === "[") {
      const end = endOfClass(pattern, index + 1);
      if (end === undefined) return false;
      index = end - 1;
    }
  }
  return open === 0;
}
