import type { KeyRange } from '../../machine/key-space/index.ts';
import type { ReplicaHandle } from '../../replica/types.ts';
import type { WatchHub } from '../../replica/watches/hub.ts';
import type { Call, Failure } from '../rpc/rpc.ts';
import type { SendBudget } from '../send-budget.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';
import type { ResponseHeaders } from './header.ts';
import { type EtcdStreamMethod, etcdStreamMethod } from './method.ts';
import { WatchCall } from './watch-call.ts';
import { WatchEncoder } from './watch-encoder.ts';

export const watchPath = '/etcdserverpb.Watch/Watch';

export interface WatchServiceOptions {
  readonly replica: ReplicaHandle;
  readonly headers: ResponseHeaders;
  readonly hub: WatchHub;
  readonly budget: SendBudget;
  /** Why a caller may not watch a range; asked when a watch is created. */
  readonly authorize: (range: KeyRange, call: Call) => Failure | undefined;
}

/** etcdserverpb.Watch. */
export class WatchService {
  readonly #options: WatchServiceOptions;
  readonly #encoder = new WatchEncoder();

  constructor(options: WatchServiceOptions) {
    this.#options = options;
  }

  streams(): EtcdStreamMethod[] {
    return [
      etcdStreamMethod(watchPath, '/watch', pb.WatchRequest, pb.WatchResponse, {
        type: 'bidi',
        open: (stream) => new WatchCall({ ...this.#options, encoder: this.#encoder }, stream),
      }),
    ];
  }
}
