/**
 * The last thing that is done to text before a person sees it. Names and messages are printable by then; what was forgotten is made so here, for every command alike:
 * nothing that a file's name, a host or a far end says acts on a terminal.
 */
import { printableLines } from "../../../internal/sys/mod.ts";
import { colours } from "./text.ts";

/** A colour of ours, as picocolors writes it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape codes begin with a control character
const COLOUR = /(\u001b\[\d{1,2}m)/;

/** The text with the colours that it may have here. */
export const shown = (text: string, withColours: boolean = colours.isColorSupported): string =>
  text
    .split(COLOUR)
    .map((part) => (withColours && COLOUR.test(part) ? part : printableLines(part)))
    .join("");
