import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

/** One frame of a paused program; line and column from 1. */
export interface PausedFrame {
  readonly url: string;
  readonly functionName: string;
  readonly line: number;
  readonly column: number;
}

/**
 * Asks a Node.js process that was started with `--inspect` to pause, and where it is; works in the middle of an endless loop.
 * @param address the `ws://…` it printed  @param when called when the inspector is attached; the pause is asked for when it ends
 * @throws Error when it does not answer
 */
export async function pauseWhere(address: string, signal: AbortSignal, when: () => Promise<void>): Promise<readonly PausedFrame[]> {
  const url = new URL(address);
  const socket = connect({ host: url.hostname, port: Number(url.port), signal });
  try {
    await upgraded(socket, url);
    send(socket, { id: 1, method: 'Debugger.enable' });
    await when();
    send(socket, { id: 2, method: 'Debugger.pause' });
    return await pausedFrames(socket);
  } finally {
    socket.destroy();
  }
}

interface InspectorMessage {
  readonly method?: string;
  readonly params?: {
    readonly scriptId?: string;
    readonly url?: string;
    readonly callFrames?: readonly { readonly functionName: string; readonly location: { readonly scriptId: string; readonly lineNumber: number; readonly columnNumber: number } }[];
  };
}

/** The opening handshake of RFC 6455. What follows the header stays in the socket. */
async function upgraded(socket: Socket, url: URL): Promise<void> {
  socket.write(`GET ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\n\r\n`);
  let head = Buffer.alloc(0);
  for await (const chunk of keptOpen(socket)) {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) continue;
    if (!head.toString('latin1').startsWith('HTTP/1.1 101')) break;
    if (head.length > end + 4) socket.unshift(head.subarray(end + 4));
    return;
  }
  throw new Error('the inspector refused the connection');
}

/** A text frame; clients must mask theirs. */
function send(socket: Socket, message: object): void {
  const text = Buffer.from(JSON.stringify(message));
  const mask = randomBytes(4);
  socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length]), mask, text.map((byte, index) => byte ^ (mask[index % 4] ?? 0))]));
}

async function pausedFrames(socket: Socket): Promise<readonly PausedFrame[]> {
  let rest = Buffer.alloc(0);
  const urls = new Map<string, string>();
  for await (const chunk of keptOpen(socket)) {
    rest = Buffer.concat([rest, chunk]);
    for (let frame = firstFrame(rest); frame !== null; frame = firstFrame(rest)) {
      rest = rest.subarray(frame.bytes);
      const message = JSON.parse(frame.text) as InspectorMessage;
      if (message.method === 'Debugger.scriptParsed') urls.set(message.params?.scriptId ?? '', message.params?.url ?? '');
      if (message.method !== 'Debugger.paused') continue;
      return (message.params?.callFrames ?? []).map((call) => ({ url: urls.get(call.location.scriptId) ?? '', functionName: call.functionName, line: call.location.lineNumber + 1, column: call.location.columnNumber + 1 }));
    }
  }
  throw new Error('the inspector closed the connection');
}

function firstFrame(bytes: Buffer): { readonly text: string; readonly bytes: number } | null {
  const short = (bytes[1] ?? 0) & 0x7f;
  const head = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (bytes.length < head) return null;
  const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  return bytes.length < head + length ? null : { text: bytes.toString('utf8', head, head + length), bytes: head + length };
}

function keptOpen(socket: Socket): AsyncIterable<Buffer> {
  return socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
}
