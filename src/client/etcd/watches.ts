import type { Watch, WatchQuery } from '../coordination.ts';
import type { Cluster } from '../wire/cluster.ts';
import { methods, streamPaths } from '../wire/methods.ts';
import type { HomeCluster } from './home-cluster.ts';
import { PersistentStream } from './streams.ts';
import { vouchesForProgress } from './versions.ts';
import { WatchStream } from './watch-stream.ts';
import { Watcher } from './watcher.ts';

/** How often a server is asked how far it has come, so that a watch that sees nothing is not overtaken by compaction. */
const progressMs = 30_000;
const statusMs = 5_000;

/** All watches of a client, on one stream. When it breaks, they go on where they were, on another one. */
export class Watches {
  readonly #persistent: PersistentStream;
  readonly #watchers = new Set<Watcher>();
  readonly #home: HomeCluster;
  #stream: WatchStream | undefined;
  #progress: NodeJS.Timeout | undefined;

  constructor(cluster: Cluster, home: HomeCluster) {
    this.#home = home;
    // A server that has lost its leader shall say so instead of going silent.
    const metadata = { hasleader: 'true' };
    this.#persistent = new PersistentStream(cluster, streamPaths.watch, metadata, () => this.#next());
  }

  watch(query: WatchQuery): Watch {
    const watcher = new Watcher(query, {
      resume: () => this.#attach(watcher),
      park: () => this.#stream?.detach(watcher),
      close: () => this.#forget(watcher),
      renewIdentity: () => this.#persistent.renewIdentity(),
      restart: () => this.#persistent.restart(),
    });
    this.#watchers.add(watcher);
    this.#persistent.want();
    this.#attach(watcher);
    return watcher.feed;
  }

  close(): void {
    for (const watcher of [...this.#watchers]) watcher.feed.close();
    this.#persistent.close();
  }

  #attach(watcher: Watcher): void {
    this.#stream?.attach(watcher);
  }

  #forget(watcher: Watcher): void {
    this.#stream?.detach(watcher);
    this.#watchers.delete(watcher);
    if (this.#watchers.size === 0) this.#persistent.unwant();
  }

  #next(): WatchStream {
    const stream = new WatchStream({
      opened: () => {
        this.#stream = stream;
        for (const watcher of this.#watchers) if (!watcher.parked) stream.attach(watcher);
        // A server that does not say its version is not trusted.
        this.#askForProgress(stream).catch(() => undefined);
      },
      cluster: (id) => this.#checkCluster(id),
      closed: () => {
        clearInterval(this.#progress);
        if (this.#stream === stream) this.#stream = undefined;
      },
    });
    return stream;
  }

  /** A watch that waits for revision 1,000 of another history would wait for ever, or see another past. */
  #checkCluster(id: bigint): boolean {
    const error = this.#home.check(id, 'refused');
    if (error === undefined) return true;
    for (const watcher of [...this.#watchers]) watcher.feed.fail(error);
    return false;
  }

  async #askForProgress(stream: WatchStream): Promise<void> {
    const { connection } = this.#persistent;
    if (connection === undefined) return;
    const { path, request, response } = methods.status;
    const answer = await connection.call(path, request.encode({}).finish(), {
      deadline: Date.now() + statusMs,
    });
    if (answer.type !== 'bytes' || this.#stream !== stream) return;
    if (!vouchesForProgress(response.decode(answer.bytes).version)) return;
    stream.trustProgress();
    clearInterval(this.#progress);
    this.#progress = setInterval(() => stream.requestProgress(), progressMs).unref();
  }
}
