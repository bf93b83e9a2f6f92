/** Choices that a name and a seed decide: the same case is the same case again. */

import { chance } from "../chosen-cases.ts";

/** Begun with a hash of the text. */
export const chanceOf = (text: string): (() => number) => chance(Number(Bun.hash(text) & 0xffffffffn));
