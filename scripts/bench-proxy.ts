/** A TCP proxy as a process of its own: `bench-proxy.ts PORT MILLISECONDS` delays what passes to that port, each way. Prints its own port. */
import { TcpProxy } from "../internal/testing/mod.ts";

const [target = 0, delayMilliseconds = 0] = process.argv.slice(2).map(Number);
const proxy = await TcpProxy.start(target);
proxy.weather = { delayMilliseconds };
console.log(proxy.port);
