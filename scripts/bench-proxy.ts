/**
 * A TCP proxy as a process of its own: `bench-proxy.ts PORT MILLISECONDS WINDOW` delays what passes to that port, each way, and lets at most so many bytes of each connection
 * be on the way (0: any number). Prints its own port.
 */
import { TcpProxy } from "../internal/testing/mod.ts";

const [target = 0, delayMilliseconds = 0, windowBytes = 0] = process.argv.slice(2).map(Number);
const proxy = await TcpProxy.start(target);
proxy.weather = windowBytes > 0 ? { delayMilliseconds, windowBytes } : { delayMilliseconds };
console.log(proxy.port);
