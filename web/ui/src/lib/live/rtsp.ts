/** RTSP client over WebSocket, subprotocol `rtsp.onvif.org` (ONVIF Streaming Specification, RTSP over WebSocket). */
import { RtspParser, type RtspMessage } from './parser';
import { controlUrl, parseSdp, type Track } from './sdp';

export class RtspError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export interface RtspEvents {
  /** A packet of `track`; `rtcp` for its control channel. */
  packet(track: Track, rtcp: boolean, data: Uint8Array): void;
  /** The connection is gone; called once. */
  closed(reason: string): void;
}

const REPLY_TIMEOUT_MS = 8000;
/** A live stream that sends nothing for this long is treated as gone. */
const SILENCE_MS = 6000;

export class RtspClient {
  tracks: Track[] = [];
  bytes = 0;
  private readonly socket: WebSocket;
  private readonly parser = new RtspParser();
  private readonly waiting = new Map<number, { resolve(m: RtspMessage): void; reject(e: Error): void }>();
  private readonly channels = new Map<number, { track: Track; rtcp: boolean }>();
  private sequence = 0;
  private session = '';
  private base = '';
  private playing = false;
  private finished = false;
  private lastData = 0;
  private timers: number[] = [];

  constructor(
    socketUrl: string,
    private readonly streamUrl: string,
    private readonly events: RtspEvents,
    private readonly sound = false,
  ) {
    this.socket = new WebSocket(socketUrl, 'rtsp.onvif.org');
    this.socket.binaryType = 'arraybuffer';
    this.socket.onmessage = (event) => this.receive(event.data);
    this.socket.onclose = (event) => this.end(event.reason || `connection closed (${event.code})`);
    this.socket.onerror = () => this.end('connection failed');
  }

  /** Connects, describes, sets up video, metadata and, where it is wanted, sound, and plays. */
  async start(): Promise<void> {
    await this.opened();
    await this.request('OPTIONS', this.streamUrl);
    const answer = await this.request('DESCRIBE', this.streamUrl, { Accept: 'application/sdp' });
    const sdp = parseSdp(new TextDecoder().decode(answer.body));
    const base = answer.headers.get('content-base') ?? answer.headers.get('content-location') ?? this.streamUrl;
    this.base = controlUrl(base, sdp.control);
    const video = sdp.tracks.find((track) => track.kind === 'video');
    if (!video) throw new RtspError(415, 'the stream has no video');
    const metadata = sdp.tracks.find((track) => track.kind === 'metadata');
    const audio = this.sound ? sdp.tracks.find((track) => track.kind === 'audio') : undefined;
    this.tracks = [video, metadata, audio].filter((track) => track !== undefined);
    let timeout = 60;
    for (const [index, track] of this.tracks.entries()) {
      const reply = await this.request('SETUP', controlUrl(base, track.control), {
        Transport: `RTP/AVP/TCP;unicast;interleaved=${index * 2}-${index * 2 + 1}`,
      });
      const [id, ...params] = (reply.headers.get('session') ?? '').split(';');
      this.session = id.trim();
      const seconds = Number(/timeout=(\d+)/.exec(params.join(';'))?.[1]);
      if (seconds > 0) timeout = seconds;
      const granted = /interleaved=(\d+)(?:-(\d+))?/.exec(reply.headers.get('transport') ?? '');
      const rtp = granted ? Number(granted[1]) : index * 2;
      this.channels.set(rtp, { track, rtcp: false });
      this.channels.set(granted?.[2] ? Number(granted[2]) : rtp + 1, { track, rtcp: true });
    }
    await this.request('PLAY', this.base, { Range: 'npt=now-' });
    this.playing = true;
    this.lastData = performance.now();
    const keepAlive = Math.max(5, timeout / 2) * 1000;
    this.timers.push(
      window.setInterval(() => {
        this.request('GET_PARAMETER', this.base).catch((error: Error) => this.end(error.message));
      }, keepAlive),
      window.setInterval(() => {
        if (performance.now() - this.lastData > SILENCE_MS) this.end('no video for 6 s');
      }, 1000),
    );
  }

  /** Ends the session politely and closes the connection; no `closed` call follows. */
  stop(): void {
    if (this.finished) return;
    this.finished = true;
    if (this.socket.readyState === WebSocket.OPEN && this.session) {
      this.request('TEARDOWN', this.base).catch(() => undefined);
    }
    this.cleanUp('stopped');
    // Browsers warn about a socket that is closed while it connects.
    if (this.socket.readyState === WebSocket.CONNECTING) this.socket.onopen = () => this.socket.close(1000);
    else this.socket.close(1000);
  }

  private opened(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = window.setTimeout(() => reject(new Error('no connection within 8 s')), REPLY_TIMEOUT_MS);
      this.waiting.set(0, {
        resolve: () => undefined,
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      this.socket.onopen = () => {
        clearTimeout(timer);
        this.waiting.delete(0);
        resolve();
      };
    });
  }

  private request(method: string, url: string, headers: Record<string, string> = {}): Promise<RtspMessage> {
    const cseq = ++this.sequence;
    const lines = [`${method} ${url} RTSP/1.0`, `CSeq: ${cseq}`, 'User-Agent: platecam-ui'];
    if (this.session) lines.push(`Session: ${this.session}`);
    for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
    return new Promise((resolve, reject) => {
      const timer = window.setTimeout(() => {
        this.waiting.delete(cseq);
        reject(new Error(`${method} was not answered within 8 s`));
      }, REPLY_TIMEOUT_MS);
      this.waiting.set(cseq, {
        resolve: (message) => {
          clearTimeout(timer);
          if (message.status >= 200 && message.status < 300) resolve(message);
          else reject(new RtspError(message.status, `${method}: ${message.status} ${message.reason}`));
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      this.socket.send(new TextEncoder().encode(`${lines.join('\r\n')}\r\n\r\n`));
    });
  }

  private receive(data: unknown): void {
    if (this.finished) return;
    const chunk = data instanceof ArrayBuffer ? new Uint8Array(data) : new TextEncoder().encode(String(data));
    this.bytes += chunk.length;
    try {
      for (const item of this.parser.push(chunk)) {
        if (item.kind === 'packet') {
          const target = this.channels.get(item.channel);
          if (!target) continue;
          if (target.track.kind === 'video' && !target.rtcp) this.lastData = performance.now();
          this.events.packet(target.track, target.rtcp, item.data);
        } else if (item.status > 0) {
          const cseq = Number(item.headers.get('cseq'));
          const waiter = this.waiting.get(cseq);
          this.waiting.delete(cseq);
          waiter?.resolve(item);
        } else if (this.playing && /^(TEARDOWN|ANNOUNCE) /.test(item.reason)) {
          this.end('the stream was ended by the device');
        }
      }
    } catch (error) {
      this.end(error instanceof Error ? error.message : String(error));
    }
  }

  private end(reason: string): void {
    if (this.finished) return;
    this.finished = true;
    this.cleanUp(reason);
    this.socket.close();
    this.events.closed(reason);
  }

  private cleanUp(reason: string): void {
    for (const timer of this.timers) clearInterval(timer);
    this.timers = [];
    for (const waiter of this.waiting.values()) waiter.reject(new Error(reason));
    this.waiting.clear();
  }
}
