// As much of a browser's window as a Socket.IO bundle needs: XMLHttpRequest and WebSocket of a page on another origin,
// with what a browser insists on there: preflights, and a CORS answer that names the origin and allows credentials.

import http from "node:http";
import { createContext } from "node:vm";
import { WebSocket as Ws } from "ws";

export const ORIGIN = "http://page.example";

/** Every request of every window, for those who count what came back: `(status, url) => void`. */
export const observers = new Set();

/** As many connections to a host as browsers keep. */
const agent = new http.Agent({ keepAlive: true, maxSockets: 256 });

class XMLHttpRequest {
  readyState = 0;
  status = 0;
  responseType = "";
  responseText = "";
  response = null;
  withCredentials = false;
  timeout = 0;
  onreadystatechange = null;
  onload = null;
  onerror = null;
  #request = null;
  #headers = {};
  #answerHeaders = {};
  #aborted = false;

  open(method, url, async = true) {
    if (!async) throw new Error("nobody should send synchronously");
    Object.assign(this, { method, url, readyState: 1 });
  }

  setRequestHeader(name, value) {
    this.#headers[name.toLowerCase()] = value;
  }

  getResponseHeader(name) {
    return this.#answerHeaders[name.toLowerCase()] ?? null;
  }

  getAllResponseHeaders() {
    return Object.entries(this.#answerHeaders).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  }

  abort() {
    this.#aborted = true;
    this.#request?.destroy();
  }

  send(body = null) {
    this.#exchange(body).then(
      () => this.#done(),
      () => {
        this.status = 0;
        this.#done();
      },
    );
  }

  async #exchange(body) {
    const bytes = await bytesOf(body);
    // What a browser declares for a body when the page does not.
    if (typeof body === "string") this.#headers["content-type"] ??= "text/plain;charset=UTF-8";
    if (!this.#isSimple()) await this.#preflight();
    const { status, headers, content } = await this.#ask(this.method, this.#headers, bytes);
    this.#checkCors(headers);
    Object.assign(this, { status, readyState: 2 });
    this.#answerHeaders = headers;
    // Here the clients decide, by the answer's type, how they want to have it.
    this.onreadystatechange?.();
    if (this.responseType === "arraybuffer") {
      this.response = Uint8Array.from(content).buffer;
    } else {
      this.response = this.responseText = content.toString("utf8");
    }
  }

  #isSimple() {
    const unusual = Object.keys(this.#headers).filter((name) => !["accept", "content-type"].includes(name));
    const type = (this.#headers["content-type"] ?? "text/plain").split(";")[0];
    return unusual.length === 0 && type === "text/plain" && ["GET", "POST"].includes(this.method);
  }

  async #preflight() {
    const names = Object.keys(this.#headers).filter((name) => name !== "accept");
    const asked = { "access-control-request-method": this.method, "access-control-request-headers": names.join(",") };
    const { status, headers } = await this.#ask("OPTIONS", asked, null);
    this.#checkCors(headers);
    const allowed = (headers["access-control-allow-headers"] ?? "").toLowerCase().split(/,\s*/);
    const refused = names.filter((name) => !allowed.includes(name));
    if (status >= 300 || refused.length > 0) throw new Error(`preflight ${status}, refused: ${refused}`);
  }

  #checkCors(headers) {
    const origin = headers["access-control-allow-origin"];
    const credentials = headers["access-control-allow-credentials"];
    const fine = this.withCredentials ? origin === ORIGIN && credentials === "true" : [ORIGIN, "*"].includes(origin);
    if (fine) return;
    console.error(`CORS: ${this.method} ${this.url}: allowed are ${origin}, credentials ${credentials}`);
    throw new Error("CORS");
  }

  #ask(method, headers, body) {
    const length = body === null ? {} : { "content-length": body.length };
    return new Promise((resolve, reject) => {
      const options = { method, agent, headers: { ...headers, ...length, origin: ORIGIN, accept: "*/*" } };
      const request = http.request(this.url, options, (answer) => {
        const chunks = [];
        answer.on("data", (chunk) => chunks.push(chunk));
        answer.on("error", reject);
        answer.on("end", () => {
          for (const observe of observers) observe(answer.statusCode, this.url);
          resolve({ status: answer.statusCode, headers: answer.headers, content: Buffer.concat(chunks) });
        });
      });
      this.#request = request;
      request.on("error", reject);
      request.end(body ?? undefined);
    });
  }

  #done() {
    if (this.#aborted) return;
    this.readyState = 4;
    this.onreadystatechange?.();
    if (this.status === 0) this.onerror?.(new Error("the request failed"));
    else this.onload?.();
  }
}

async function bytesOf(body) {
  if (body === null || body === undefined) return null;
  if (typeof body === "string") return Buffer.from(body, "utf8");
  if (body instanceof Blob) return Buffer.from(await body.arrayBuffer());
  if (body instanceof ArrayBuffer) return Buffer.from(body);
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}

class WebSocket extends Ws {
  constructor(url, protocols = []) {
    super(url, protocols, { origin: ORIGIN });
  }
}

/** A new window, for one bundle: a realm of its own, with these of our realm's, so that bytes are bytes in both. */
export function newWindow() {
  const { host, hostname, protocol } = new URL(ORIGIN);
  const window = Object.fromEntries(SHARED.map((name) => [name, globalThis[name]]));
  Object.assign(window, { XMLHttpRequest, WebSocket, navigator: { userAgent: "a window of the tests", platform: "" } });
  window.location = { host, hostname, protocol, port: "", href: `${ORIGIN}/` };
  // 0.9 looks into it for what has loaded, and for an old Firefox.
  window.document = { readyState: "complete", documentElement: { style: {} } };
  window.window = window.self = window;
  return createContext(window);
}

const SHARED = [
  ...["setTimeout", "clearTimeout", "setInterval", "clearInterval", "queueMicrotask"],
  ...["ArrayBuffer", "DataView", "Uint8Array", "Blob", "TextEncoder", "TextDecoder", "atob", "btoa", "URL"],
];
