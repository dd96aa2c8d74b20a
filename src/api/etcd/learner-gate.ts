import type { ReplicaHandle } from '../../replica/types.ts';
import { type Call, Failure, nobody } from '../rpc/rpc.ts';
import { etcdErrors } from './errors.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';
import { decodeMessage, type EtcdMethod, type EtcdStreamMethod } from './method.ts';

const ofItself = new Set(['/etcdserverpb.Maintenance/Status', '/etcdserverpb.Maintenance/Snapshot']);
const rangePath = '/etcdserverpb.KV/Range';

/**
 * A learner may be far behind, so it answers only what is about itself, and reads that may be old; clients that know this
 * error go to another member.
 */
export class LearnerGate {
  readonly #replica: ReplicaHandle;

  constructor(replica: ReplicaHandle) {
    this.#replica = replica;
  }

  unary(method: EtcdMethod): EtcdMethod {
    if (ofItself.has(method.path)) return method;
    const { path } = method;
    return {
      ...method,
      handle: (request, call) =>
        this.#closed(() => path === rangePath && isSerializable(request)) ?? method.handle(request, call),
      handleJson: async (request, call) =>
        this.#closed(() => path === rangePath && isSerializableJson(request)) ??
        method.handleJson(request, call),
    };
  }

  stream(method: EtcdStreamMethod): EtcdStreamMethod {
    if (ofItself.has(method.path)) return method;
    const inner = method.method;
    if (inner.type === 'bidi') {
      const open: typeof inner.open = (stream) => {
        const closed = this.#closed();
        if (closed === undefined) return inner.open(stream);
        stream.end(closed);
        return nobody;
      };
      return { ...method, method: { type: 'bidi', open } };
    }
    const inside = inner.handle;
    const closed = (): Failure | undefined => this.#closed();
    async function* handle(
      request: Uint8Array,
      call: Call,
    ): AsyncGenerator<Uint8Array, Failure | undefined, undefined> {
      return closed() ?? (yield* inside(request, call));
    }
    return { ...method, method: { type: 'serverStream', handle } };
  }

  /** `mayBeOld` looks into the request, so it is asked by learners alone. */
  #closed(mayBeOld: () => boolean = () => false): Failure | undefined {
    return !this.#replica.isLearner() || mayBeOld() ? undefined : etcdErrors.notSupportedForLearner;
  }
}

function isSerializable(request: Uint8Array): boolean {
  const decoded = decodeMessage(pb.RangeRequest, request);
  return !(decoded instanceof Failure) && decoded.serializable;
}

const isSerializableJson = (request: unknown): boolean =>
  typeof request === 'object' &&
  request !== null &&
  'serializable' in request &&
  request.serializable === true;
