// Prints "N passed, N failed, N skipped" from a JUnit report. Fails when a test failed, when none ran, and in CI when one was skipped.
const [report = "", status = "1"] = process.argv.slice(2);
const text = await Bun.file(report).text();
const [, totals = ""] = /<testsuites ([^>]*)>/.exec(text) ?? [];
const count = (name: string): number => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(totals)?.[1] ?? 0);
const skipped = count("skipped");
const failed = count("failures") + count("errors");
const passed = count("tests") - failed - skipped;
// A file that cannot even be loaded is in no report.
const broken = failed === 0 && status !== "0" ? 1 : 0;
if (skipped > 0 && process.env.CI) console.log(`${skipped} tests were skipped: in CI that counts as a failure`);
console.log(`${passed} passed, ${failed + broken} failed, ${skipped} skipped`);

export {};

process.exit(failed + broken > 0 || passed === 0 || (skipped > 0 && process.env.CI) ? 1 : 0);
