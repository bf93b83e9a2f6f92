/** Places in an import's walk, which mean something because the walk has an order. */

/** The order of the walk: a directory before what is below it, siblings by name. */
export function comparePlaces(a: string, b: string): number {
  const left = a.split("/");
  const right = b.split("/");
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const [one = "", other = ""] = [left[index], right[index]];
    if (one !== other) return one < other ? -1 : 1;
  }
  return left.length - right.length;
}

/** Does the way to `below` lead through the directory? */
export const isAtOrAbove = (path: string, below: string): boolean =>
  path === "" || path === below || below.startsWith(`${path}/`);
