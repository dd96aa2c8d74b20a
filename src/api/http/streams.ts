import type { Writable } from 'node:stream';
import { lingerMs } from '../limits.ts';
import type { HttpSource, HttpStreamResponse } from './http.ts';

/** The streamed answers of an endpoint that are under way. */
export class HttpStreams {
  readonly #sources = new Set<HttpSource>();

  /** Carries a streamed answer whose headers have been sent. */
  serve(stream: Writable, response: HttpStreamResponse): void {
    const source = response.start({
      write: (text) => (stream.writableEnded || stream.destroyed ? true : stream.write(text)),
      get queuedBytes() {
        return stream.writableLength;
      },
      end: () => {
        stream.end();
        // What waits for a client that does not read would wait for ever.
        const impatience = setTimeout(() => stream.destroy(), lingerMs).unref();
        stream.once('close', () => clearTimeout(impatience));
      },
    });
    this.#sources.add(source);
    stream.on('drain', () => source.writable());
    stream.once('close', () => {
      this.#sources.delete(source);
      source.closed();
    });
  }

  /** Asks all of them to end. */
  stop(): void {
    for (const source of this.#sources) source.stop();
  }
}
