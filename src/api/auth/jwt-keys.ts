import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import type { JwtOptions } from './jwt-tokens.ts';

/** What RFC 7518 and RFC 8037 ask of the key of each method. */
type KeyDemand =
  | { readonly type: 'secret'; readonly minBytes: number }
  | { readonly type: 'rsa' }
  | { readonly type: 'ec'; readonly curve: string }
  | { readonly type: 'ed25519' };

const demands: Readonly<Record<string, KeyDemand>> = {
  HS256: { type: 'secret', minBytes: 32 },
  HS384: { type: 'secret', minBytes: 48 },
  HS512: { type: 'secret', minBytes: 64 },
  RS256: { type: 'rsa' },
  RS384: { type: 'rsa' },
  RS512: { type: 'rsa' },
  PS256: { type: 'rsa' },
  PS384: { type: 'rsa' },
  PS512: { type: 'rsa' },
  ES256: { type: 'ec', curve: 'prime256v1' },
  ES384: { type: 'ec', curve: 'secp384r1' },
  ES512: { type: 'ec', curve: 'secp521r1' },
  EdDSA: { type: 'ed25519' },
};

const minRsaBits = 2048;

export const signMethods: readonly string[] = Object.keys(demands);

/** Contents of key files: PEM, or for the methods HS… the secret itself. */
export interface JwtKeyFiles {
  readonly privateKey: Uint8Array | undefined;
  readonly publicKey: Uint8Array | undefined;
}

export type JwtKeys = Pick<JwtOptions, 'signMethod' | 'signingKey' | 'verifyingKey'>;

/** The keys for a method; or, as a text, what is wrong with them. */
export function jwtKeys(signMethod: string, files: JwtKeyFiles): JwtKeys | string {
  const demand = Object.hasOwn(demands, signMethod) ? demands[signMethod] : undefined;
  if (demand === undefined)
    return `there is no sign-method "${signMethod}"; there is ${signMethods.join(', ')}`;
  return demand.type === 'secret'
    ? secretKeys(signMethod, demand.minBytes, files)
    : keyPair(signMethod, demand, files);
}

function secretKeys(signMethod: string, minBytes: number, { privateKey }: JwtKeyFiles): JwtKeys | string {
  if (privateKey === undefined) return `${signMethod} needs priv-key, a file that holds the secret`;
  if (privateKey.length < minBytes) return `the secret for ${signMethod} must have ${minBytes} bytes or more`;
  const secret = createSecretKey(Buffer.from(privateKey));
  return { signMethod, signingKey: secret, verifyingKey: secret };
}

function keyPair(
  signMethod: string,
  demand: Exclude<KeyDemand, { type: 'secret' }>,
  { privateKey, publicKey }: JwtKeyFiles,
): JwtKeys | string {
  try {
    const signingKey = privateKey && createPrivateKey(Buffer.from(privateKey));
    const named = publicKey && createPublicKey(Buffer.from(publicKey));
    const derived = signingKey && createPublicKey(signingKey);
    const verifyingKey = named ?? derived;
    if (verifyingKey === undefined) return `${signMethod} needs priv-key, or pub-key only to take tokens`;
    if (derived !== undefined && named !== undefined && !named.equals(derived))
      return 'pub-key and priv-key do not belong together';
    return unfit(verifyingKey, demand) ?? { signMethod, signingKey, verifyingKey };
  } catch (error) {
    return `the key cannot be read, it must be PEM: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function unfit(key: KeyObject, demand: Exclude<KeyDemand, { type: 'secret' }>): string | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type !== demand.type)
    return `the key is one for ${type}, and the sign-method needs one for ${demand.type}`;
  if (demand.type === 'ec' && details?.namedCurve !== demand.curve)
    return `the key must be on the curve ${demand.curve}`;
  if (demand.type === 'rsa' && (details?.modulusLength ?? 0) < minRsaBits)
    return `the key must have ${minRsaBits} bits or more`;
  return undefined;
}
